"""``smalti evaluate``: figures of anybody's images."""

import argparse
import os
from pathlib import Path

from smalti.commands.options import add_running, progress, usable_device
from smalti.commands.outputs import new_file
from smalti.config.arguments import positive

TEXT = "judges images: FID and its kind, KID, Inception score, precision and recall; PSNR, SSIM, LPIPS of pairs"
NETWORKS = ("inception", "dinov2", "clip", "lite2")
PROTOCOLS = ("unified", "adm", "vqgan_lc", "fqgan")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = "a folder of images, an .npz (arr_0, NHWC uint8), or published samples (runs/artifacts/samples/KEY/ar)"
    parser.add_argument("samples", type=Path, help=what)
    parser.add_argument(
        "--reference", type=Path, metavar="REF", help="what they are compared with: as samples, or a file of statistics"
    )
    parser.add_argument(
        "--originals", type=Path, metavar="SET", help="of which each sample is a reconstruction, one by one: PSNR, SSIM"
    )
    parser.add_argument("--network", choices=NETWORKS, default="inception", help="whose features (default inception)")
    parser.add_argument("--weights", metavar="FILE", help="the network's weights, if not the usual file")
    parser.add_argument("--tap", metavar="NAME", help="the network's features, if not its usual ones, such as block2")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="unified", help="how (default unified)")
    parser.add_argument(
        "--image-size", type=positive, metavar="N", help="side to which folders' images are scaled and cropped"
    )
    parser.add_argument("--parts", type=positive, default=10, metavar="N", help="of the Inception score (default 10)")
    parser.add_argument(
        "--kid-subset", type=positive, default=1000, metavar="N", help="images in a subset of KID (default 1000)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="the .json file that the figures go to; a new one")
    add_running(parser)


def run(options: argparse.Namespace) -> None:
    """Prints the table, and writes the JSON where it is asked for; under torchrun on all its ranks, rank 0 speaks."""
    from smalti.evaluation.evaluate import evaluate
    from smalti.evaluation.ranks import ranks

    with ranks(options.device) as device:
        found = evaluate(
            options.samples, options.reference, originals=options.originals, network=options.network,
            weights=options.weights, tap=options.tap, protocol=options.protocol, image_size=options.image_size,
            parts=options.parts,
            kid_subset=options.kid_subset, batch_size=options.batch_size, device=usable_device(device),
            bar=lambda blocks, total, size: progress(blocks, total, size, "image"),
        )  # fmt: skip
        if int(os.environ.get("RANK", 0)):
            return
        print(found.table())
        if options.out:
            with new_file(options.out) as stream:
                stream.write(found.json().encode())
