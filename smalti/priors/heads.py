"""From the backbone's output for a position to one feature for each of its k sub-tokens (FQGAN section 3.4, Table 4).

M positions, k books, C width. ``forward`` is teacher-forced; ``step`` gives sub-token i's feature while sampling. On
the way from the backbone to the output layers there is one norm, which the head holds.
"""

from typing import cast

import torch
from torch import Tensor, nn

from smalti.config.priors import BackboneConfig, LlamaConfig, SubTokenHeadConfig
from smalti.layers.llama import LlamaBlock, grid_rotations
from smalti.layers.transformer import KeyValueCache, empty_caches
from smalti.priors.backbone import build_norm


class LinearHeads(nn.Module):
    """Every sub-token is read off the position's own normed feature: sub-tokens are independent given the past."""

    def __init__(self, num_books: int, norm: nn.Module) -> None:
        super().__init__()
        self.num_books, self.norm = num_books, norm

    def new_caches(self, batch: int) -> list[KeyValueCache]:
        """Returns what ``step`` needs between sub-tokens: nothing."""
        return []

    def forward(self, features: Tensor, embedded: Tensor) -> Tensor:
        """Returns (M, k, C) for the backbone's output (M, C) and the rows (M, k, C) of the true sub-tokens."""
        return self.norm(features)[:, None].expand(-1, self.num_books, -1)

    def step(self, book: int, features: Tensor, previous: Tensor | None, caches: list[KeyValueCache]) -> Tensor:
        """Returns (M, C) for sub-token ``book``, given the rows (M, C) of the one before it, None for the first."""
        return self.norm(features)


class MlpHeads(LinearHeads):
    """One MLP for each sub-token, behind the norm (the second ablation of FQGAN's Table 4).

    Neither printed nor released: the width, 4 C here, and where the norm stands.
    """

    def __init__(self, num_books: int, norm: nn.Module, width: int) -> None:
        super().__init__(num_books, norm)
        self.mlps = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)) for _ in range(num_books)
        )

    def forward(self, features: Tensor, embedded: Tensor) -> Tensor:
        normed = self.norm(features)
        return torch.stack([mlp(normed) for mlp in self.mlps], dim=1)

    def step(self, book: int, features: Tensor, previous: Tensor | None, caches: list[KeyValueCache]) -> Tensor:
        return self.mlps[book](self.norm(features))


class ArHead(LinearHeads):
    """A small causal transformer over [feature, sub-token 1, ..., sub-token k - 1]: the factorised AR head (FAR).

    Its blocks are those of LlamaGen, of the backbone's width, shared by the sub-tokens; the norm stands behind them. As
    in FQGAN's code the k slots take the first k of the backbone's rotations: zeros for slot 0, whose query and key
    vanish, no turn for slot 1, one column on for slot 2.
    """

    rotations: Tensor

    def __init__(self, num_books: int, norm: nn.Module, num_layers: int, config: LlamaConfig) -> None:
        super().__init__(num_books, norm)
        self.config = config
        self.blocks = nn.ModuleList(LlamaBlock(config, causal=True) for _ in range(num_layers))
        table = grid_rotations(num_books, num_books, config.width // config.num_heads)
        self.register_buffer("rotations", table, persistent=False)

    def new_caches(self, batch: int) -> list[KeyValueCache]:
        """Returns caches of k slots for each block, made once and rewound at every position."""
        like = cast(LlamaBlock, self.blocks[0]).norm1.weight
        return empty_caches(like, batch, len(self.blocks), self.config.num_heads, self.num_books)

    def forward(self, features: Tensor, embedded: Tensor) -> Tensor:
        x = torch.cat([features[:, None], embedded[:, :-1].to(features.dtype)], dim=1)
        for block in self.blocks:
            x = block(x, self.rotations)
        return self.norm(x)

    def step(self, book: int, features: Tensor, previous: Tensor | None, caches: list[KeyValueCache]) -> Tensor:
        if book == 0:
            for cache in caches:
                cache.length = 0
        x = (features if previous is None else previous)[:, None]
        for block, cache in zip(self.blocks, caches, strict=True):
            x = block(x, self.rotations[book : book + 1], cache)
        return self.norm(x)[:, 0]


def build_heads(config: SubTokenHeadConfig, backbone: BackboneConfig, num_books: int) -> LinearHeads:
    """Returns the heads that ``config`` names.

    Raises:
        ValueError: a head of several sub-tokens for a tokenizer of one book, or an AR head on another backbone.
    """
    norm = build_norm(backbone)
    if config.kind == "linear":
        return LinearHeads(num_books, norm)
    if num_books == 1:
        raise ValueError(f"head {config.kind}: the tokenizer has one book; only head linear fits it")
    if config.kind == "mlp":
        return MlpHeads(num_books, norm, backbone.width)
    if not isinstance(backbone, LlamaConfig):
        raise ValueError("head ar is made of llama blocks; give the prior transformer.kind llama")
    return ArHead(num_books, norm, config.num_layers, backbone)
