"""What stage scores collects."""

from pathlib import Path

import numpy as np
import torch
from tests_support import write_inception
from torch.utils.data import DataLoader

from datamodules.sampler import StridedSampler
from lit_modules.scores import Judge, LitFeatureScores
from smalti.config.features import InceptionConfig
from smalti.features import build_features
from smalti.layers.frozen import Frozen
from smalti.pixels import from_uint8
from stages.results.generation_images import SampleImages


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
