"""Diffusion transformer: DiT (Peebles & Xie 2023), which SiT (Ma et al. 2024) uses unchanged.

B batch, N positions, C width, p patch size, D channels of the latents.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smalti.config.latent_priors import DitNetworkConfig, LatentSpace
from smalti.layers.attend import attend, join_heads, split_heads
from smalti.layers.sinusoids import grid_features, time_features
from smalti.priors.condition import ClassEmbedding
from smalti.priors.latent import LatentPrior

TIME_FEATURES = 256


def modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Returns norm(x) (1 + scale) + shift for x (B, N, C), shift and scale (B, C); the norm has no weights (DiT
    section 3.2)."""
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale[:, None]) + shift[:, None]


def modulation(width: int, num: int) -> nn.Sequential:
    """Returns the map from a condition (B, C) to ``num`` vectors of C in one (B, num C)."""
    return nn.Sequential(nn.SiLU(), nn.Linear(width, num * width))


class DitBlock(nn.Module):
    """Attention, then an MLP, each behind an adaptive norm and in front of an adaptive gate (AdaLN-Zero, Figure 3)."""

    def __init__(self, config: DitNetworkConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.modulation = modulation(config.width, 6)
        self.query_key_value = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.mlp = nn.Sequential(
            nn.Linear(config.width, config.mlp_width),
            nn.GELU(approximate="tanh"),
            nn.Linear(config.mlp_width, config.width),
        )

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Returns (B, N, C) for x (B, N, C) and the condition (B, C)."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition).chunk(6, dim=1)
        q, k, v = split_heads(self.query_key_value(modulated(x, shift1, scale1)), self.num_heads)
        x = x + gate1[:, None] * self.out(join_heads(attend(q, k, v)))
        return x + gate2[:, None] * self.mlp(modulated(x, shift2, scale2))


class DitOutput(nn.Module):
    """Adaptive norm, then a linear map to what a patch needs."""

    def __init__(self, width: int, num_outputs: int) -> None:
        super().__init__()
        self.modulation = modulation(width, 2)
        self.linear = nn.Linear(width, num_outputs)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Returns (B, N, num_outputs) for x (B, N, C) and the condition (B, C)."""
        shift, scale = self.modulation(condition).chunk(2, dim=1)
        return cast(Tensor, self.linear(modulated(x, shift, scale)))


class Dit(LatentPrior):
    """Patches of latents to a prediction of 2 D channels: D, and D more for the learned variance.

    A flow has no variance; SiT keeps these channels too, reads the first D alone, and leaves the others untrained.
    Blocks and output start at zero, so the first prediction is exactly 0.
    """

    positions: Tensor

    def __init__(self, config: DitNetworkConfig, space: LatentSpace) -> None:
        super().__init__(config, space)
        size, width = config.patch_size, config.width
        self.patch_size = size
        self.patches = nn.Conv2d(self.num_channels, width, size, stride=size)
        self.time = nn.Sequential(nn.Linear(TIME_FEATURES, width), nn.SiLU(), nn.Linear(width, width))
        self.classes = ClassEmbedding(self.num_classes, width)
        self.blocks = nn.ModuleList(DitBlock(config) for _ in range(config.num_layers))
        self.output = DitOutput(width, size * size * 2 * self.num_channels)
        places = grid_features((self.grid[0] // size, self.grid[1] // size), width)
        self.register_buffer("positions", places, persistent=False)
        self.reset()

    def reset(self) -> None:
        """Initialises all weights as released: Xavier, N(0, 0.02) for times and classes, zero for modulations and the
        output."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.xavier_uniform_(module.weight.flatten(1))
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        for weight in (self.classes.rows.weight, self.time[0].weight, self.time[2].weight):
            nn.init.normal_(cast(Tensor, weight), std=0.02)
        zero = [cast(nn.Sequential, part.modulation)[1] for part in (*self.blocks, self.output)]
        for module in (*zero, self.output.linear):
            nn.init.zeros_(cast(nn.Linear, module).weight)

    def compiled_parts(self) -> list[nn.Module]:
        return [*self.blocks, self.output]

    def forward(self, latents: Tensor, time: Tensor, labels: Tensor) -> Tensor:
        """Returns (B, 2 D, h, w); arguments as ``LatentPrior.forward`` has them."""
        x = self.patches(latents).flatten(2).transpose(1, 2) + self.positions
        features = time_features(time, TIME_FEATURES).to(latents.dtype)
        condition = self.time(features) + self.classes(labels)[:, 0]
        for block in self.blocks:
            x = block(x, condition)
        return self.unpatch(self.output(x, condition))

    def unpatch(self, x: Tensor) -> Tensor:
        """Returns (B, 2 D, h, w) for patches (B, N, p p 2 D), each a square in raster order, channels last."""
        (height, width), size = self.grid, self.patch_size
        x = x.view(len(x), height // size, width // size, size, size, -1)
        return torch.einsum("nhwpqc->nchpwq", x).reshape(len(x), -1, height, width)
