"""What every quantiser gives: the interface between encoder, codebook and decoder.

N = B h w latents, K codes, D code dimension.
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn

from networks.quantizers.entropy import assignment_entropy
from networks.quantizers.search import nearest_codes


@dataclass(frozen=True)
class Quantized:
    """Result of a quantiser: ``latents`` (B, D, h, w) with straight-through gradient, ``tokens`` (B, h, w) int64,
    ``losses`` raw scalar terms by name, ``loss`` their weighted sum, ``counts`` (K,) int64 of this batch on this rank.
    """

    latents: Tensor
    tokens: Tensor
    losses: dict[str, Tensor]
    loss: Tensor
    counts: Tensor


def straight_through(latents: Tensor, quantized: Tensor) -> Tensor:
    """Returns ``quantized`` in value, with the gradient of ``latents`` (van den Oord et al. 2017, section 3.2)."""
    return latents + (quantized - latents).detach()


class Quantizer(nn.Module):
    """A codebook. Subclasses say what the table is and how latents are made comparable with it."""

    num_codes: int
    code_dim: int

    def __init__(
        self, commitment_weight: float, codebook_weight: float, entropy_weight: float, entropy_temperature: float
    ) -> None:
        super().__init__()
        self.weights = {"commitment": commitment_weight, "codebook": codebook_weight, "entropy": -entropy_weight}
        self.entropy_temperature = entropy_temperature

    def table(self) -> Tensor:
        """Returns the codebook as the decoder sees it, (K, D), float32."""
        raise NotImplementedError

    def align(self, latents: Tensor) -> Tensor:
        """Returns rows (N, D) as they are compared with the table; the identity unless the distance is another."""
        return latents

    def encode(self, latents: Tensor) -> Tensor:
        """Returns tokens (B, h, w) for latents (B, D, h, w)."""
        rows = self.align(rearrange(latents.float(), "b d h w -> (b h w) d"))
        tokens = nearest_codes(rows, self.table())
        return rearrange(tokens, "(b h w) -> b h w", b=latents.shape[0], h=latents.shape[2])

    def decode(self, tokens: Tensor) -> Tensor:
        """Returns latents (B, D, h, w) for tokens (B, h, w)."""
        return rearrange(nn.functional.embedding(tokens, self.table()), "b h w d -> b d h w")

    def forward(self, latents: Tensor) -> Quantized:
        """Quantises latents (B, D, h, w), in float32 whatever the autocast (SeQ-GAN eq. 1 and 2)."""
        with torch.autocast(latents.device.type, enabled=False):
            batch, _, height, _ = latents.shape
            rows = self.align(rearrange(latents.float(), "b d h w -> (b h w) d"))
            table = self.table()
            tokens = nearest_codes(rows, table)
            chosen = nn.functional.embedding(tokens, table)
            losses = {
                "commitment": (chosen.detach() - rows).square().mean(),
                "codebook": (chosen - rows.detach()).square().mean(),
            }
            if self.weights["entropy"]:
                losses["entropy"] = assignment_entropy(rows, table, self.entropy_temperature)
            loss = torch.stack([self.weights[name] * term for name, term in losses.items()]).sum()
            return Quantized(
                latents=rearrange(straight_through(rows, chosen), "(b h w) d -> b d h w", b=batch, h=height),
                tokens=rearrange(tokens, "(b h w) -> b h w", b=batch, h=height),
                losses=losses,
                loss=loss,
                counts=torch.bincount(tokens, minlength=self.num_codes),
            )
