"""Interleaved block regional and dilated attention (HiT, Zhao et al. 2021; SeQ-GAN phase 2).

An (H, W) map is cut into regions of P x P. Regional attention looks inside each region; dilated attention joins the
positions with the same offset in all regions. SeQ-GAN's parameter counts (+3.42 M for five levels) fit two attention
layers of 4 c^2 per level and no MLP.
"""

from einops import rearrange
from torch import Tensor, nn

from smalti.layers.attend import attend, join_heads, split_heads


class GroupedAttention(nn.Module):
    """Pre-norm multi-head self-attention over ``patterns[0]`` groups, with a residual; (B, C, H, W) to the same.

    The output projection starts at zero, so that a trained decoder is unchanged at step 0.
    """

    # How (B, C, H, W) becomes (group, position in the group, channel).
    pattern: str

    def __init__(self, width: int, block: int, head_dim: int) -> None:
        super().__init__()
        if width % head_dim:
            raise ValueError(f"head_dim {head_dim} must divide the level's width {width}")
        self.block, self.head_dim = block, head_dim
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        if height % self.block or width % self.block:
            raise ValueError(
                f"block size {self.block} must divide the map of {height} x {width}; choose other block_sizes or images"
            )
        gh, gw, batch = height // self.block, width // self.block, len(x)
        sizes = {"p": self.block, "q": self.block}
        y = rearrange(x, f"b c (gh p) (gw q) -> {self.pattern} c", **sizes)
        q, k, v = split_heads(self.query_key_value(self.norm(y)), y.shape[-1] // self.head_dim)
        y = self.out(join_heads(attend(q, k, v)))
        return x + rearrange(y, f"{self.pattern} c -> b c (gh p) (gw q)", b=batch, gh=gh, gw=gw, **sizes)


class RegionalAttention(GroupedAttention):
    """Attention inside each region of P x P."""

    pattern = "(b gh gw) (p q)"


class DilatedAttention(GroupedAttention):
    """Attention among the positions with the same offset in all regions."""

    pattern = "(b p q) (gh gw)"
