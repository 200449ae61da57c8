"""FQGAN's encoder: VQGAN's trunk, then a branch of its own for each codebook (section 3.1)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smalti.config.autoencoders import FqganConfig
from smalti.config.priors import TransformerConfig
from smalti.layers.transformer import Block
from smalti.tokenizers.vqgan import VqganTrunk, latent_head


class Adapter(nn.Module):
    """Transformer layers over the positions of the trunk's map; (B, C, h, w) to the same.

    The position table has the grid of the training images and is interpolated for others.
    """

    def __init__(self, config: FqganConfig, grid: int) -> None:
        super().__init__()
        width = config.widths[-1]
        shape = TransformerConfig(
            num_layers=config.adapter_layers,
            num_heads=config.adapter_heads,
            width=width,
            mlp_width=4 * width,
            dropout=0.0,
        )
        self.positions = nn.Parameter(torch.randn(1, width, grid, grid) * width**-0.5)
        self.norm_in, self.norm_out = nn.LayerNorm(width), nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(shape, causal=False) for _ in range(shape.num_layers))

    def forward(self, x: Tensor) -> Tensor:
        positions: Tensor = self.positions
        if positions.shape[2:] != x.shape[2:]:
            positions = F.interpolate(positions, x.shape[2:], mode="bicubic", align_corners=False)
        rows = self.norm_in((x + positions).flatten(2).mT)
        for block in self.blocks:
            rows = block(rows)
        return self.norm_out(rows).mT.unflatten(2, x.shape[2:])


class FqganEncoder(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] to latents (B, k D, h, w): the channels of the k books one after another."""

    def __init__(self, config: FqganConfig, image_size: int) -> None:
        super().__init__()
        if config.latent_dim % config.num_branches:
            raise ValueError(f"latent_dim {config.latent_dim} doesn't divide by num_branches {config.num_branches}")
        grid, share = image_size // config.factor, config.latent_dim // config.num_branches
        self.trunk = VqganTrunk(config)
        self.branches = nn.ModuleList(
            nn.Sequential(Adapter(config, grid), latent_head(config, share)) for _ in range(config.num_branches)
        )

    def forward(self, images: Tensor) -> Tensor:
        shared = self.trunk(images)
        return torch.cat([branch(shared) for branch in self.branches], dim=1)
