"""The loss of a flow along straight lines from noise to data (SiT, Ma et al. 2024; Lipman et al. 2023).

Time t runs from 0, noise, to 1, data, and is given to the network as it is, as SiT's released code does.
"""

import torch
from torch import Tensor

from smalti.losses.diffusion import mean_square


def interpolate(latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
    """Returns x_t = (1 - t) noise + t x for latents x and noise (B, D, h, w), times (B,) in [0, 1].

    >>> interpolate(torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1), torch.tensor([0.25])).item()
    0.25
    """
    times = times.to(torch.promote_types(latents.dtype, torch.float32)).view(-1, *[1] * (latents.ndim - 1))
    return (1 - times) * noise + times * latents


def velocity_loss(prediction: Tensor, latents: Tensor, noise: Tensor) -> Tensor:
    """Returns |x - noise - prediction|^2 (B,), the mean over channels and positions, of the first D channels of the
    prediction; 2 on average for a prediction of 0 and standardised latents x (B, D, h, w)."""
    dtype = torch.promote_types(latents.dtype, torch.float32)
    return mean_square(prediction[:, : noise.shape[1]], latents.to(dtype) - noise.to(dtype))
