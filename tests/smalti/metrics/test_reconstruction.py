"""Pixel metrics against scikit-image; usage against numpy."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from smalti.metrics.class_agreement import ClassJudge
from smalti.metrics.codebook import CodebookUsage
from smalti.metrics.reconstruction import peak_signal_to_noise
from smalti.metrics.reconstruction import structural_similarity as ssim
from smalti.pixels import to_uint8


def test_psnr_and_ssim_agree_with_scikit_image() -> None:
    a = torch.rand(3, 3, 32, 32) * 2 - 1
    b = (a + 0.2 * torch.randn_like(a)).clamp(-1, 1)
    for i in range(3):
        x, y = (to_uint8(image[i]).permute(1, 2, 0).numpy() for image in (a, b))
        assert peak_signal_to_noise(b, a)[i].item() == pytest.approx(peak_signal_noise_ratio(x, y))
        expected = structural_similarity(
            x, y, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
        )
        assert ssim(b, a)[i].item() == pytest.approx(expected, abs=2e-3)


def test_usage_counts_over_batches() -> None:
    metric = CodebookUsage(1, 8)
    counts = np.array([4, 4, 0, 8, 0, 0, 0, 0])
    metric.update(torch.from_numpy(counts) // 2)
    metric.update(torch.from_numpy(counts) // 2)
    found = metric.compute()
    share = counts[counts > 0] / counts.sum()
    assert found["usage"].item() == 3 / 8
    assert found["perplexity"].item() == pytest.approx(np.exp(-(share * np.log(share)).sum()), rel=1e-6)


def test_class_judge_weighs_classes_alike() -> None:
    random = np.random.default_rng(0)
    labels = np.array([0] * 90 + [1] * 10)
    features = random.normal(size=(100, 4)) + 8 * labels[:, None]
    judge = ClassJudge(features, labels)
    fooled = features.copy()
    fooled[labels == 1] -= 8
    assert judge.agreement(features, labels).balanced == 1.0
    found = judge.agreement(fooled, labels)
    assert found.balanced == pytest.approx(0.5) and found.plain == pytest.approx(0.9)
