"""Pixel metrics of reconstructions, per image."""

from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from smalti.pixels import to_uint8

WINDOW = 11  # of SSIM: 3.5 sigma on either side


def peak_signal_to_noise(images: Tensor, targets: Tensor) -> Tensor:
    """Returns PSNR in dB, (B,), of images against targets (B, 3, H, W) in [-1, 1], both rounded to uint8; RGB.

    >>> import torch
    >>> black, grey = torch.full((1, 3, 4, 4), -1.0), torch.full((1, 3, 4, 4), -0.8)
    >>> round(peak_signal_to_noise(black, grey).item(), 2)  # 26 grey levels: 20 log10(255 / 26)
    19.83
    """
    difference = (to_uint8(images).double() - to_uint8(targets).double()) / 255
    return -10 * difference.square().mean(dim=(1, 2, 3)).clamp(min=1e-10).log10()


def structural_similarity(images: Tensor, targets: Tensor) -> Tensor:
    """Returns SSIM (B,) of images against targets (B, 3, H, W) in [-1, 1], both rounded to uint8 (Wang et al. 2004).

    Gaussian window 11 and sigma 1.5, data range 1, averaged over channels and over the positions whose window lies
    inside the image, as Wang et al. and scikit-image do; torchmetrics itself takes in a border of reflected pixels.

    Raises:
        ValueError: images that are smaller than the window.
    """
    height, width = images.shape[-2:]
    if min(height, width) < WINDOW:
        raise ValueError(
            f"SSIM's window is {WINDOW} x {WINDOW}, and images have {height} x {width}; take larger images"
        )
    a, b = to_uint8(images).double() / 255, to_uint8(targets).double() / 255
    found = structural_similarity_index_measure(
        a, b, gaussian_kernel=True, sigma=1.5, data_range=1.0, reduction="none", return_full_image=True
    )
    assert isinstance(found, tuple)
    border = WINDOW // 2
    return found[1][..., border:-border, border:-border].mean(dim=(1, 2, 3))
