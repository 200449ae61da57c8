"""What every prior over latents has."""

from typing import Self

import torch
from torch import Tensor, nn

from smalti.config.latent_priors import LatentPriorNetworkConfig, LatentSpace


class LatentPrior(nn.Module):
    """A network over the latents of a tokenizer before quantisation, standardised channel by channel.

    ``num_channels`` D, ``grid`` (h, w), ``num_classes`` (0: no labels). ``mean`` and ``std`` (D,) float32 of the
    training latents are part of the weights: 0 and 1 until ``set_statistics``.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: LatentPriorNetworkConfig, space: LatentSpace) -> None:
        """
        Raises:
            ValueError: the network doesn't fit the latents.
        """
        super().__init__()
        for text in config.misfits_of(space):
            raise ValueError(text)
        self.num_channels, self.grid, self.num_classes = space.num_channels, space.grid, space.num_classes
        self.register_buffer("mean", torch.zeros(self.num_channels))
        self.register_buffer("std", torch.ones(self.num_channels))

    def set_statistics(self, mean: Tensor, std: Tensor) -> None:
        """Takes the mean and the standard deviation (D,) of each channel of the training latents.

        Raises:
            ValueError: another number of channels, or one that doesn't vary, or isn't finite.
        """
        for name, values in (("mean", mean), ("std", std)):
            if values.shape != (self.num_channels,):
                raise ValueError(f"{name} of shape {list(values.shape)}: the latents have {self.num_channels} channels")
            if wrong := (~values.isfinite()).nonzero().flatten().tolist():
                raise ValueError(f"{name} of channel {_listed(wrong)} isn't finite: make the latents anew")
        if dead := (std <= 0).nonzero().flatten().tolist():
            raise ValueError(
                f"channel {_listed(dead)} of the latents has zero variance over the training images, so that it can't "
                "be standardised: the tokenizer's encoder is dead there; train the tokenizer anew"
            )
        self.mean.copy_(mean)
        self.std.copy_(std)

    def bfloat16(self) -> Self:
        """Brings the weights to bfloat16; the statistics stay float32, since latents are computed with them."""
        mean, std = self.mean, self.std
        super().bfloat16()
        self.mean, self.std = mean, std
        return self

    def standardise(self, latents: Tensor) -> Tensor:
        """Returns (x - mean) / std for latents (B, D, h, w), in their type, at least float32."""
        return (latents - self._channels(self.mean)) / self._channels(self.std)

    def restore(self, latents: Tensor) -> Tensor:
        """Returns standardised latents (B, D, h, w) as the tokenizer's: x std + mean."""
        return latents * self._channels(self.std) + self._channels(self.mean)

    def _channels(self, values: Tensor) -> Tensor:
        return values[:, None, None]

    def nothing(self, labels: Tensor) -> Tensor:
        """Returns labels (B,) that all mean "no class"."""
        return torch.full_like(labels, self.num_classes)

    def compiled_parts(self) -> list[nn.Module]:
        """Returns what ``torch.compile`` compiles: parts that ``forward`` calls as modules, none by default."""
        return []

    def forward(self, latents: Tensor, time: Tensor, labels: Tensor) -> Tensor:
        """Returns the prediction (B, C, h, w), of which the first D channels are for the D of the latents.

        Latents (B, D, h, w), standardised and noisy; time (B,) float, as the sampler counts it; labels (B,) int64,
        ``num_classes`` for "no class".
        """
        raise NotImplementedError


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
