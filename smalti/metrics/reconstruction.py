"""Pixel metrics of reconstructions, per image."""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional
from torchmetrics.functional.image import structural_similarity_index_measure

from smalti.pixels import to_uint8

WINDOW = 11  # of SSIM: 3.5 sigma on either side
LLAMAGEN_WINDOW = 7  # scikit-image's default
LUMA = (65.481, 128.553, 24.966)  # of R, G, B in [0, 1]: ITU-R BT.601, in levels of 255


def peak_signal_to_noise(images: Tensor, targets: Tensor) -> Tensor:
    """Returns PSNR in dB, (B,), of images against targets (B, 3, H, W) in [-1, 1], both rounded to uint8; RGB.

    >>> import torch
    >>> black, grey = torch.full((1, 3, 4, 4), -1.0), torch.full((1, 3, 4, 4), -0.8)
    >>> round(peak_signal_to_noise(black, grey).item(), 2)  # 26 grey levels: 20 log10(255 / 26)
    19.83
    """
    return _decibels(_levels(images) - _levels(targets))


def luma_peak_signal_to_noise(images: Tensor, targets: Tensor) -> Tensor:
    """Returns PSNR in dB, (B,), of the luma of images against targets (B, 3, H, W) in [-1, 1], both rounded to uint8.

    Luma is Y = 16 + 65.481 R + 128.553 G + 24.966 B (ITU-R BT.601), and the range 255, as in pyiqa's psnr with
    test_y_channel and colour space ycbcr, by which VQGAN-LC's figures were measured. It spans 219 levels alone: of grey
    images the figure is 1.32 dB above that of RGB.

    >>> import torch
    >>> black, grey = torch.full((1, 3, 4, 4), -1.0), torch.full((1, 3, 4, 4), -0.8)
    >>> round(luma_peak_signal_to_noise(black, grey).item(), 2)  # 26 levels of 255, which are 26 * 219 / 255 of luma
    21.15
    """
    weights = images.new_tensor(LUMA).double().view(3, 1, 1) / 255  # the 16 falls out of the difference
    return _decibels(((_levels(images) - _levels(targets)) * weights).sum(dim=1, keepdim=True))


def structural_similarity(images: Tensor, targets: Tensor) -> Tensor:
    """Returns SSIM (B,) of images against targets (B, 3, H, W) in [-1, 1], both rounded to uint8 (Wang et al. 2004).

    Gaussian window 11 and sigma 1.5, data range 1, averaged over channels and over the positions whose window lies
    inside the image, as Wang et al. and scikit-image do; torchmetrics itself takes in a border of reflected pixels.

    Raises:
        ValueError: images that are smaller than the window.
    """
    _check_window(images, WINDOW)
    found = structural_similarity_index_measure(
        _levels(images),
        _levels(targets),
        gaussian_kernel=True,
        sigma=1.5,
        data_range=1.0,
        reduction="none",
        return_full_image=True,
    )
    assert isinstance(found, tuple)
    border = WINDOW // 2
    return found[1][..., border:-border, border:-border].mean(dim=(1, 2, 3))


def structural_similarity_of_llamagen(images: Tensor, targets: Tensor) -> Tensor:
    """Returns the SSIM (B,) of LlamaGen's and FQGAN's code, of images against targets (B, 3, H, W) in [-1, 1], both
    rounded to uint8. It takes the range of images in [0, 1] for 2, which makes it higher.

    Window 7 of equal weights and sample covariances, as scikit-image has them by default; averaged over channels and
    over the positions whose window lies inside the image.

    Raises:
        ValueError: images that are smaller than the window.
    """
    _check_window(images, LLAMAGEN_WINDOW)
    a, b = _levels(images), _levels(targets)
    mean_a, mean_b = _window_mean(a), _window_mean(b)
    unbiased = LLAMAGEN_WINDOW**2 / (LLAMAGEN_WINDOW**2 - 1)
    variance_a = unbiased * (_window_mean(a * a) - mean_a.square())
    variance_b = unbiased * (_window_mean(b * b) - mean_b.square())
    covariance = unbiased * (_window_mean(a * b) - mean_a * mean_b)
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2  # K1, K2 of Wang et al., times the range of 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a.square() + mean_b.square() + c1)
    structure = (2 * covariance + c2) / (variance_a + variance_b + c2)
    return (luminance * structure).mean(dim=(1, 2, 3))


# By the names of their figures.
PIXEL_METRICS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "psnr": peak_signal_to_noise, "psnr_y": luma_peak_signal_to_noise,
    "ssim": structural_similarity, "ssim_llamagen": structural_similarity_of_llamagen,
}  # fmt: skip


def _levels(images: Tensor) -> Tensor:
    return to_uint8(images).double() / 255


def _decibels(difference: Tensor) -> Tensor:
    return -10 * difference.square().mean(dim=(1, 2, 3)).clamp(min=1e-10).log10()


def _window_mean(images: Tensor) -> Tensor:
    return functional.avg_pool2d(images, LLAMAGEN_WINDOW, stride=1)


def _check_window(images: Tensor, window: int) -> None:
    height, width = images.shape[-2:]
    if min(height, width) < window:
        raise ValueError(
            f"SSIM's window is {window} x {window}, and images have {height} x {width}; take larger images"
        )
