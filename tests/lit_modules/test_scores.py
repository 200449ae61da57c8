"""What stage scores collects."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tests_support import write_inception
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch_fidelity.metric_prc import calculate_precision_recall_part

from datamodules.sampler import StridedSampler
from lit_modules.scores import Judge, LitFeatureScores, LitReconstructionScores
from smalti.config.features import InceptionConfig
from smalti.features import build_features
from smalti.layers.frozen import Frozen
from smalti.metrics.neighbours import manifold
from smalti.pixels import from_uint8, to_uint8
from smalti.tokenizers.vq_tokenizer import VQTokenizer
from stages.results.generation_images import SampleImages


class GreyLevels(nn.Module):
    """Sixteen grey levels as a codebook, of 4 x 4 blocks; ``decode`` gives the levels, on ``ground``."""

    num_books, num_codes = 1, 16

    def __init__(self, ground: float) -> None:
        super().__init__()
        self.ground = ground

    @property
    def quantizer(self) -> "GreyLevels":
        return self

    def encode(self, images: Tensor) -> Tensor:
        means = nn.functional.avg_pool2d(images.mean(1, keepdim=True), 8)[:, 0]
        return ((means + 1) * 7.5).round().long()

    def decode(self, tokens: Tensor) -> Tensor:
        levels = (tokens[:, None] / 7.5 - 1).repeat_interleave(8, 2).repeat_interleave(8, 3)
        return (levels.expand(-1, 3, -1, -1) + self.ground).clamp(-1, 1)


def grey(ground: float) -> Frozen[VQTokenizer]:
    return Frozen(GreyLevels(ground))  # type: ignore[arg-type]


def test_logits_of_reconstructions_come_in_the_order_of_the_images(tmp_path: Path) -> None:
    """Those of each phase, of what it decodes; and what LPIPS measures has the name of its figure."""
    images = np.random.default_rng(0).integers(0, 256, (6, 1, 3, 32, 32), dtype=np.uint8)
    network = build_features(InceptionConfig(weights=write_inception(tmp_path / "inception.pth")))
    judge = Judge(Frozen(network), ["features64", "logits"])
    lpips = {"lpips_alex": Frozen(nn.PairwiseDistance())}
    tokenizers = {"phase1": grey(0), "phase2": grey(0.5)}
    scores = LitReconstructionScores(tokenizers, judge, "features64", "features64", lpips, 16, "logits")
    rows = SampleImages(images, np.zeros(6, dtype=np.int64), 0)  # type: ignore[arg-type]  # rows and a length
    for rank in (1, 0):
        for batch in DataLoader(rows, 2, sampler=StridedSampler(np.arange(6), rank, 2)):
            scores.test_step(batch, 0)
    for phase, tokenizer in tokenizers.items():
        decoded = tokenizer.network.decode(tokenizer.network.encode(from_uint8(torch.from_numpy(images[:, 0]))))
        expected = network(from_uint8(to_uint8(decoded)), ["logits"])["logits"]
        torch.testing.assert_close(scores.ordered_logits(phase), expected, atol=1e-4, rtol=1e-4)
        means = scores.pairs[phase].means(torch.device("cpu"))
        assert set(means) == {"psnr", "psnr_y", "ssim", "ssim_llamagen", "lpips_alex"}
        distance = from_uint8(to_uint8(decoded)) - from_uint8(torch.from_numpy(images[:, 0]))
        assert means["lpips_alex"] == pytest.approx(float(distance.double().norm(dim=-1).mean()), rel=1e-4)
    assert not torch.equal(scores.ordered_logits("phase1"), scores.ordered_logits("phase2"))


def test_networks_follow_the_module_to_its_device(tmp_path: Path) -> None:
    """Tokenizers, judge and LPIPS, which are no parts of it."""
    judge = Judge(Frozen(build_features(InceptionConfig(weights=write_inception(tmp_path / "a.pth")))), ["features64"])
    tokenizers, lpips = {"phase1": grey(0)}, {"lpips_alex": Frozen(nn.Linear(1, 1))}
    tokenizers["phase1"].network.weight = nn.Parameter(torch.zeros(1))  # type: ignore[assignment]
    scores = LitReconstructionScores(tokenizers, judge, "features64", "features64", lpips, 16)
    scores.to("meta").on_test_start()
    for frozen in (*tokenizers.values(), judge.network, *lpips.values()):
        assert all(weight.is_meta for weight in frozen.network.parameters())


def test_logits_come_in_the_order_of_the_images(tmp_path: Path) -> None:
    """Whatever order the ranks saw them in: the parts of the Inception score must not depend on their number."""
    images = np.random.default_rng(0).integers(0, 256, (6, 1, 3, 32, 32), dtype=np.uint8)
    network = build_features(InceptionConfig(weights=write_inception(tmp_path / "inception.pth")))
    judge = Judge(Frozen(network), ["features64", "logits"])
    scores = LitFeatureScores(judge, "features64", "features64", "logits")
    rows = SampleImages(images, np.zeros(6, dtype=np.int64), 0)  # type: ignore[arg-type]  # rows and a length
    for rank in (1, 0):
        for batch in DataLoader(rows, 2, sampler=StridedSampler(np.arange(6), rank, 2)):
            scores.test_step(batch, 0)
    expected = network(from_uint8(torch.from_numpy(images[:, 0])), ["logits"])["logits"]
    torch.testing.assert_close(scores.ordered_logits(), expected, atol=1e-4, rtol=1e-4)


class Corner(nn.Module):
    """Judge whose features are the values of an image's first corner."""

    network = SimpleNamespace(network=SimpleNamespace(channels={"tap": 3}))

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        return {"tap": images[:, :, 0, 0]}


def seen_by(judge: Any, images: np.ndarray, ranks: tuple[int, ...]) -> LitFeatureScores:
    scores = LitFeatureScores(judge, "tap", "tap")
    rows = SampleImages(images, np.zeros(len(images), dtype=np.int64), 0)  # type: ignore[arg-type]  # rows and a length
    for rank in ranks:
        for batch in DataLoader(rows, 8, sampler=StridedSampler(np.arange(len(images)), rank, len(ranks))):
            scores.test_step(batch, 0)
    scores.on_test_epoch_end()
    return scores


def test_precision_and_recall_are_torch_fidelitys_whatever_the_ranks() -> None:
    """Each image counts once, in the order of the images."""
    random = np.random.default_rng(0)
    real, samples = (random.integers(low, 256, (90, 1, 3, 2, 2), dtype=np.uint8) for low in (0, 90))
    found = []
    for ranks in ((0,), (1, 0), (2, 0, 1)):
        one, other = (seen_by(Corner(), images, ranks).manifold_features for images in (samples, real))
        assert torch.equal(one, from_uint8(torch.from_numpy(samples[:, 0]))[:, :, 0, 0])
        found.append(manifold(one, other))
    assert found[0] == found[1] == found[2]
    features = [torch.from_numpy(images[:, 0, :, 0, 0]).double() for images in (samples, real)]
    precision, recall = calculate_precision_recall_part(*features)
    assert (found[0].precision, found[0].recall) == pytest.approx((float(precision), float(recall)), abs=1e-7)
    assert 0 < found[0].recall < found[0].precision < 1
