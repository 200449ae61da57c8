"""What scoring costs over the forward pass of the network that judges: reading images of an npz, sums in float64,
features kept, digests.

    python -m benchmarks.scoring [--images 256]

Inception (random weights) on images of 256 px, and EfficientNet-Lite2 on images of 64 px, whose pass is so short that
everything else shows most. Distances come once a set, not once an image: their times are in benchmarks.evaluation.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from smalti.config.features import InceptionConfig
from smalti.evaluation.evaluate import Evaluator, Settings
from smalti.evaluation.networks import judge_network
from smalti.evaluation.npz import NpzSet
from smalti.evaluation.protocols import protocol_named
from smalti.features.inception import Inception

BATCH = 64


def seconds(calls: list[Callable[[], object]], repeats: int) -> list[float]:
    """Returns the seconds of the fastest of several calls each, taken in turn."""
    best = [math.inf] * len(calls)
    for _ in range(repeats):
        for number, call in enumerate(calls):
            begun = time.perf_counter()
            call()
            best[number] = min(best[number], time.perf_counter() - begun)
    return best


def print_scoring(network: str, weights: str | None, size: int, number: int, folder: Path, repeats: int) -> None:
    """Prints images a second of the network alone and of scoring, and what scoring adds."""
    random = np.random.default_rng(0)
    file = folder / f"images-{size}.npz"
    np.savez(file, arr_0=random.integers(0, 256, (number, size, size, 3), dtype=np.uint8))
    settings = Settings(judge_network(network, weights), protocol_named("unified"))
    evaluator = Evaluator(settings, torch.device("cpu"), BATCH, lambda blocks, total, size: blocks)
    images = NpzSet(file)
    batches = [evaluator.pixels(images.read(start, start + BATCH)) for start in range(0, number, BATCH)]

    def forward() -> None:
        with torch.inference_mode():
            for batch in batches:
                evaluator.judge(batch)

    alone, whole = seconds([forward, lambda: evaluator.see(images, logits=True)], repeats)
    print(f"{network}, {number} images of {size} px")
    print(f"  {'forward pass alone':24}{number / alone:8.1f} images/s")
    print(f"  {'smalti evaluate':24}{number / whole:8.1f} images/s   + {100 * (whole / alone - 1):.1f} %", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if options.images % BATCH:
        parser.error(f"--images {options.images}: a multiple of {BATCH} is needed")
    with tempfile.TemporaryDirectory() as place:
        torch.manual_seed(0)
        weights = Path(place, "inception.pth")
        torch.save(Inception.bare(InceptionConfig()).state_dict(), weights)
        print_scoring("inception", str(weights), 256, options.images, Path(place), options.repeats)
        print_scoring("lite2", None, 64, 8 * options.images, Path(place), options.repeats)
