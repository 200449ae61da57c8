"""Codebooks on two ranks of gloo: the ranks stay alike, and equal one rank that sees the joined batch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, multiprocessing

from smalti.codebooks import build_quantizer
from smalti.config.codebooks import (
    EmaCodebookConfig,
    FactorisedConfig,
    KMeansCodebookConfig,
    LearnedCodebookConfig,
    LearnedCosineConfig,
    LookupFreeConfig,
    ProjectedConfig,
    ProjectedCosineConfig,
    QuantizerConfig,
    ResidualConfig,
)
from smalti.config.features import EfficientNetLiteConfig
from smalti.config.losses import PredictorConfig, RepresentationConfig
from smalti.features import FeatureNetwork
from smalti.layers.frozen import Frozen
from smalti.losses.representation import Teacher

CONFIGS: dict[str, QuantizerConfig] = {
    "ema": EmaCodebookConfig(num_codes=12, restart_below=0.2),
    "kmeans": KMeansCodebookConfig(num_codes=12, warmup=1, every=2, until=9, reservoir=96),
    "learned": LearnedCodebookConfig(num_codes=12, entropy_weight=0.1),
    "learned_cosine": LearnedCosineConfig(num_codes=12, entropy_weight=0.1, sample_entropy_weight=0.1),
    "projected": ProjectedCosineConfig(entropy_weight=0.1),
    "factorised": FactorisedConfig(book=LearnedCosineConfig(num_codes=12)),
    "residual": ResidualConfig(num_books=2, book=EmaCodebookConfig(num_codes=12, restart_below=0.2)),
    "residual_learned": ResidualConfig(num_books=2, book=LearnedCodebookConfig(num_codes=12)),
    "lookup_free": LookupFreeConfig(num_codes=16),
}
STEPS, BATCH = 4, 16


class Means(FeatureNetwork):
    """Mean colours as features."""

    @staticmethod
    def widths(config: object) -> dict[str, int]:
        return {"pooled": 3}

    def extract(self, x: Tensor, taps: Sequence[str]) -> dict[str, Tensor]:
        return {"pooled": x.mean((2, 3))}


def taught(rank: int, world: int) -> Tensor:
    """The mean over ranks of the loss of a predictor, with the negatives of all ranks."""
    random = torch.Generator().manual_seed(2)
    images, predicted = torch.rand(BATCH, 3, 8, 8, generator=random), torch.randn(BATCH, 3, generator=random)
    config = RepresentationConfig(
        book=0, network=EfficientNetLiteConfig(kind="efficientnet_lite0"), tap="pooled", predictor=PredictorConfig(),
        temperature=0.1, negatives="global",
    )  # fmt: skip
    teacher = Teacher(Frozen(Means(config.network, (0, 0, 0), (1, 1, 1))), config)
    loss = teacher.loss(predicted.chunk(world)[rank], images.chunk(world)[rank] * 2 - 1)
    if world > 1:
        distributed.all_reduce(loss)
    return loss / world


def train(config: QuantizerConfig, rank: int, world: int) -> dict[str, Any]:
    """A few updates on this rank's share of the same latents; returns state, counts and losses."""
    torch.manual_seed(0)
    quantizer = build_quantizer(config, 4, torch.randn(12, 6) if isinstance(config, ProjectedConfig) else None)
    random = torch.Generator().manual_seed(1)
    counts, losses = [], []
    optimizer = torch.optim.SGD(quantizer.parameters(), lr=0.1) if list(quantizer.parameters()) else None
    for _ in range(STEPS):
        latents = torch.randn(BATCH, 4, 2, 2, generator=random)
        share = latents.chunk(world)[rank]
        result = quantizer(share)
        total, loss = result.counts.clone(), result.loss
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            for parameter in quantizer.parameters():
                assert parameter.grad is not None
                if world > 1:
                    distributed.all_reduce(parameter.grad)
                    parameter.grad /= world
            optimizer.step()
        mean = loss.detach().clone()
        if world > 1:
            distributed.all_reduce(total)
            distributed.all_reduce(mean)
        counts.append(total)
        losses.append(mean / world)
    return {"state": quantizer.state_dict(), "counts": torch.stack(counts), "losses": torch.stack(losses)}


def work(rank: int, folder: Path) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder / 'meet'}", rank=rank, world_size=2)
    found = {name: train(config, rank, 2) for name, config in CONFIGS.items()}
    torch.save({**found, "teacher": taught(rank, 2)}, folder / f"rank{rank}.pt")
    distributed.destroy_process_group()


def test_two_ranks_are_one(tmp_path: Path) -> None:
    multiprocessing.spawn(work, (tmp_path,), nprocs=2)
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2))
    torch.testing.assert_close(first["teacher"], taught(0, 1), rtol=1e-5, atol=1e-6)
    assert torch.equal(first["teacher"], second["teacher"])
    for name, config in CONFIGS.items():
        alone = train(config, 0, 1)
        a, b = first[name]["state"], second[name]["state"]
        assert all(torch.equal(a[key], b[key]) for key in a), f"{name}: bit for bit alike"
        assert torch.equal(first[name]["counts"], alone["counts"]), name
        torch.testing.assert_close(first[name]["losses"], alone["losses"], rtol=1e-5, atol=1e-6)
        for key, value in alone["state"].items():
            torch.testing.assert_close(a[key], value, rtol=1e-5, atol=1e-6, msg=lambda text, key=key: f"{key}: {text}")
