"""Figures of anybody's images: how far they are from others, how they look to a network, and beside their originals."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from smalti import __version__
from smalti.config.losses import LpipsConfig
from smalti.evaluation.evaluation import Evaluation
from smalti.evaluation.figures import Absent, by_name, unless_too_few
from smalti.evaluation.image_sets import Block, ImageSet, check_pairs, open_images
from smalti.evaluation.networks import LPIPS, Judge, JudgeNetwork, judge_network
from smalti.evaluation.npz import NpzSet
from smalti.evaluation.pairs import Pairs
from smalti.evaluation.protocols import Protocol, protocol_named
from smalti.evaluation.resizing import clean_resized
from smalti.evaluation.seen import Seen, SeenByAll, own_blocks
from smalti.evaluation.statistics_file import holds_statistics, read_statistics
from smalti.losses.lpips import build_lpips
from smalti.metrics.frechet import Statistics
from smalti.metrics.inception import PARTS, inception_score
from smalti.metrics.kernel import SUBSET, SUBSETS, clip_distance, kernel_distance
from smalti.metrics.neighbours import COUNTED, manifold
from smalti.pixels import from_uint8

Blocks = Iterator[tuple[int, int]]
Bar = Callable[[Blocks, int, int], Iterable[tuple[int, int]]]


@dataclass(frozen=True)
class Settings:
    """What figures are taken by: the ``judge``, the ``protocol``, and numbers that belong to single figures."""

    judge: JudgeNetwork
    protocol: Protocol
    parts: int = PARTS
    kid_subset: int = SUBSET


@dataclass(frozen=True)
class Reference:
    """What samples are compared with: ``images``, or ``statistics`` of images that aren't here, or both, as in ADM's
    files."""

    name: str
    images: ImageSet | None
    statistics: Mapping[str, Statistics]


def open_reference(place: Path, size: int | None, protocol: Protocol) -> Reference:
    """Returns the images, the statistics, or both, at a place. Under clean-fid images stay as they are, uncropped.

    Raises:
        ValueError: neither is there.
    """
    if not (place.is_file() and holds_statistics(place)):
        any_size = protocol.resize == "clean"
        return Reference(str(place), open_images(place, None if any_size else size, any_size), {})
    images = NpzSet(place) if place.suffix == ".npz" and NpzSet.is_in(place) else None
    return Reference(str(place), images, read_statistics(place))


class Evaluator:
    """Sees sets of images through one network."""

    def __init__(self, settings: Settings, device: torch.device, batch_size: int, bar: Bar) -> None:
        self.settings, self.device, self.batch_size, self.bar = settings, device, batch_size, bar
        self.judge = Judge(settings.judge, settings.judge.taps).to(device)

    def see(
        self, images: ImageSet, logits: bool, pairs: Pairs | None = None, originals: ImageSet | None = None
    ) -> SeenByAll:
        """Returns what the network sees in all of a set; ``pairs`` are told of them beside their ``originals``."""
        judge = self.settings.judge
        summed = [tap for tap in (judge.features, judge.spatial) if tap]
        kept = [judge.features, *([judge.logits] if logits and judge.logits else [])]
        seen = Seen(self.judge.network.channels, summed, kept, self.device)
        with torch.inference_mode():
            for start, stop in self.bar(own_blocks(len(images), self.batch_size), len(images), self.batch_size):
                block = images.read(start, stop)
                seen.update(block, start, self.judge(self.prepare(block)))
                if pairs is not None and originals is not None:
                    pairs.update(self.pixels(block), self.pixels(originals.read(start, stop)))
        return seen.gather()

    def prepare(self, block: Block) -> Tensor:
        """Returns images (H, W, 3) uint8 as the network is given them."""
        if self.settings.protocol.resize == "clean":
            return clean_resized(block).to(self.device)
        return self.pixels(block)

    def pixels(self, block: Block) -> Tensor:
        """Returns images (H, W, 3) uint8 of one size as (B, 3, H, W) in [-1, 1]."""
        return from_uint8(torch.from_numpy(np.moveaxis(np.stack(block), 3, 1).copy()).to(self.device))


def distances(
    samples: SeenByAll, reference: SeenByAll | None, known: Mapping[str, Statistics], settings: Settings
) -> dict[str, Any]:
    """Returns the figures of samples against a reference, by name; each is a value or absent."""
    judge, found = settings.judge, dict[str, Any]()
    for tap, role, name in ((judge.features, "features", judge.distance), (judge.spatial, "spatial", "sfid")):
        if tap is None:
            continue
        other = known.get(role, reference.statistics.get(tap) if reference else None)
        if other is None:
            found[name] = Absent("the statistics file has no mu_s and sigma_s")
        else:
            found[name] = unless_too_few(partial(samples.statistics[tap].distance, other))
    kernel = "kid" if judge.distance == "fid" else judge.distance.replace("fd_", "kd_")
    if reference is None:
        reason = Absent("the reference is statistics alone; give its images")
        return found | {kernel: reason} | by_name(reason)
    own, theirs = samples.features(judge.features), reference.features(judge.features)
    found[kernel] = unless_too_few(lambda: kernel_distance(own, theirs, settings.kid_subset))
    if judge.distance == "fd_clip":  # of the embedding alone
        found["cmmd"] = clip_distance(own, theirs)
    cover = unless_too_few(lambda: manifold(own, theirs))
    return found | by_name(cover)


def check_order(images: ImageSet, settings: Settings) -> None:
    """Raises ValueError for samples class after class where their order counts."""
    labels = images.labels if settings.judge.logits and settings.protocol.as_given else None
    if labels is not None and labels[0] != labels[-1] and (np.diff(labels) >= 0).all():
        raise ValueError(
            f"{images.name}: sorted by class, so that each part of the Inception score would have a few classes alone; "
            "shuffle the samples, or take --protocol unified"
        )


def certainty(samples: SeenByAll, settings: Settings) -> dict[str, Any]:
    """Returns the Inception score of samples with its standard error; nothing for networks without such logits."""
    judge = settings.judge
    if judge.logits is None:
        return {}
    logits = samples.features(judge.logits, settings.protocol.as_given)
    score = unless_too_few(lambda: inception_score(logits, settings.parts))
    if not isinstance(score, Absent):
        score = {**score, "standard_error": score["std"] / settings.parts**0.5, "parts": settings.parts}
    return {"inception_score": score}


def lpips_networks(
    configs: Iterable[LpipsConfig], device: torch.device
) -> tuple[dict[str, nn.Module], dict[str, Absent]]:
    """Returns LPIPS by the names of their figures, and why others are absent."""
    networks, absent = dict[str, nn.Module](), dict[str, Absent]()
    for config in configs:
        try:
            networks[f"lpips_{config.backbone}"] = build_lpips(config).to(device)
        except ValueError as error:  # its weights aren't here
            absent[f"lpips_{config.backbone}"] = Absent(str(error))
    return networks, absent


def evaluate(
    samples: Path | str,
    reference: Path | str | None = None,
    *,
    originals: Path | str | None = None,
    network: str = "inception",
    weights: str | None = None,
    tap: str | None = None,
    protocol: str = "unified",
    image_size: int | None = None,
    parts: int = PARTS,
    kid_subset: int = SUBSET,
    batch_size: int = 64,
    device: str = "cpu",
    bar: Bar = lambda blocks, total, size: blocks,
) -> Evaluation:
    """Returns figures of ``samples`` against ``reference``, and of each sample beside its own of ``originals``.

    Each may be a folder of images, an npz (``arr_0`` (N, H, W, 3) uint8), or published samples; the reference may be a
    file of statistics as well. Without a reference the originals are it. On several ranks each image is seen once, and
    every rank has the result.

    Args:
        network: inception (FID, sFID, KID, Inception score), dinov2, clip (CMMD too) or lite2.
        weights: file of the network's weights, if not the usual one.
        tap: the network's features, if not its usual ones; fewer channels need fewer images.
        protocol: unified, adm, vqgan_lc or fqgan.
        image_size: side to which images of folders are scaled and cropped; None takes them as they are.
        parts: of the Inception score.
        kid_subset: images in each of KID's hundred subsets.

    Raises:
        ValueError: something isn't there, or doesn't fit.
    """
    settings = Settings(judge_network(network, weights, tap), protocol_named(protocol), parts, kid_subset)
    if settings.protocol.resize == "clean" and network != "inception":
        raise ValueError(f"protocol {protocol}: clean-fid's resize is to Inception's input; {network} has its own")
    if reference is None and originals is None:
        raise ValueError("a reference is needed, or originals")
    own = open_images(Path(samples), image_size)
    check_order(own, settings)
    beside = None if originals is None else open_images(Path(originals), image_size)
    if beside is not None:
        check_pairs(own, beside)
    where = Path(originals if reference is None else reference)  # type: ignore[arg-type]  # one is given
    other = open_reference(where, image_size, settings.protocol)
    evaluator = Evaluator(settings, torch.device(device), batch_size, bar)
    lpips, absent = lpips_networks(LPIPS if beside else (), evaluator.device)
    pairs = Pairs(settings.protocol.pixels, lpips, settings.protocol.lpips_again) if beside else None
    seen = evaluator.see(own, True, pairs, beside)
    compared = evaluator.see(other.images, False) if other.images else None
    figures = distances(seen, compared, other.statistics, settings) | certainty(seen, settings)
    if pairs is not None:
        figures |= pairs.means(evaluator.device) | absent
    sets = {"samples": told(own.name, seen), "reference": told(other.name, compared)}
    return Evaluation(told_protocol(settings, evaluator.judge, image_size), sets, figures)


def told(name: str, seen: SeenByAll | None) -> dict[str, Any]:
    """Returns what the result says of a set; one that was read from a file of statistics has no images."""
    if seen is None:
        return {"name": name, "number": None, "digest": None}
    return {"name": name, "number": seen.number, "digest": seen.digest, "repeated": seen.repeated}


def told_protocol(settings: Settings, judge: Judge, image_size: int | None) -> dict[str, Any]:
    """Returns how the figures were measured, for the result."""
    protocol = settings.protocol
    return {
        "protocol": protocol.name,
        "what": protocol.what,
        "network": f"{judge.network.source.name} {settings.judge.features}",
        "network_sha256": judge.sha256,
        "resize": protocol.resize,
        "image_size": image_size,
        "crop": None if image_size is None else "ADM centre crop: box halving, then bicubic (Pillow)",
        "inception_score_parts": settings.parts,
        "kid_subset": settings.kid_subset,
        "kid_subsets": SUBSETS,
        "neighbours": COUNTED,
        "smalti": __version__,
    }  # fmt: skip
