"""Pixel metrics against scikit-image; usage against numpy."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from smalti.metrics.class_agreement import ClassJudge
from smalti.metrics.codebook import CodebookUsage
from smalti.metrics.reconstruction import (
    luma_peak_signal_to_noise,
    peak_signal_to_noise,
    structural_similarity_of_llamagen,
)
from smalti.metrics.reconstruction import structural_similarity as ssim
from smalti.pixels import to_uint8


def noisy(images: torch.Tensor) -> torch.Tensor:
    return (images + 0.2 * torch.randn_like(images)).clamp(-1, 1)


def shifted(images: torch.Tensor) -> torch.Tensor:
    return images.roll((2, 1), dims=(2, 3))


def waves(batch: int, height: int, width: int) -> torch.Tensor:
    """Smooth images (B, 3, H, W), each channel a wave of its own."""
    rows, columns = torch.arange(height)[:, None] / height, torch.arange(width) / width
    phases = torch.rand(batch, 3, 1, 1) * 6.3
    return torch.sin(phases + 4 * rows + 7 * columns * (1 + rows))


@pytest.mark.parametrize("change", [noisy, shifted])
@pytest.mark.parametrize("kind", ["random", "smooth"])
def test_psnr_and_ssim_agree_with_scikit_image(kind: str, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    a = torch.rand(3, 3, 32, 40) * 2 - 1 if kind == "random" else waves(3, 32, 40)
    b = change(a)
    for i in range(3):
        x, y = (to_uint8(image[i]).permute(1, 2, 0).numpy() for image in (a, b))
        assert peak_signal_to_noise(b, a)[i].item() == pytest.approx(peak_signal_noise_ratio(x, y))
        expected = structural_similarity(
            x / 255, y / 255, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
            data_range=1.0,
        )  # fmt: skip
        assert ssim(b, a)[i].item() == pytest.approx(expected, abs=1e-9)
        luma = [rgb2ycbcr(image)[..., 0] for image in (x, y)]
        assert luma_peak_signal_to_noise(b, a)[i].item() == pytest.approx(
            peak_signal_noise_ratio(*luma, data_range=255)
        )
        # The call of LlamaGen's and FQGAN's code, in float64.
        expected = structural_similarity(x / 255, y / 255, data_range=2.0, channel_axis=-1)
        assert structural_similarity_of_llamagen(b, a)[i].item() == pytest.approx(expected, abs=1e-9)


def test_ssim_refuses_images_smaller_than_its_window() -> None:
    assert ssim(torch.zeros(1, 3, 11, 11), torch.zeros(1, 3, 11, 11)).item() == pytest.approx(1, abs=1e-9)
    with pytest.raises(ValueError, match="window is 11 x 11, and images have 10 x 16"):
        ssim(torch.zeros(1, 3, 10, 16), torch.zeros(1, 3, 10, 16))
    assert structural_similarity_of_llamagen(torch.zeros(1, 3, 7, 7), torch.zeros(1, 3, 7, 7)).item() == pytest.approx(
        1, abs=1e-9
    )
    with pytest.raises(ValueError, match="window is 7 x 7, and images have 10 x 6"):
        structural_similarity_of_llamagen(torch.zeros(1, 3, 10, 6), torch.zeros(1, 3, 10, 6))


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
