"""A codebook that chooses by dot product and learns every row at every position (IBQ, Shi et al. 2024)."""

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from smalti.codebooks.frozen import FrozenCodebook
from smalti.codebooks.nearest import rows_of
from smalti.codebooks.quantizer import Quantized, Quantizer, count_codes
from smalti.collectives import differentiable_mean
from smalti.config.codebooks import IndexPropagationConfig

SCORES = 2**24  # held at once while searching


@torch.no_grad()
def most_alike(latents: Tensor, codebook: Tensor) -> Tensor:
    """Returns the index of the row of the largest dot product, int64 (N,), for latents (N, D), codebook (K, D); the
    first of equal ones. Never N x K numbers at once.

    >>> most_alike(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [3.0, 9.0]])).tolist()  # [0] is the nearest
    [1]
    """
    parts = latents.split(max(1, SCORES // len(codebook)))
    return torch.cat([(part @ codebook.T).argmax(1) for part in parts])


class DotProductCodebook(FrozenCodebook):
    """The published table of a codebook that chooses by dot product: a long row is chosen for latents near others."""

    def encode(self, latents: Tensor) -> Tensor:
        with torch.autocast(latents.device.type, enabled=False):
            tokens = most_alike(rows_of(latents), self.codebook)
        return rearrange(tokens, "(b h w) -> b h w", b=latents.shape[0], h=latents.shape[2])


class IndexPropagation(Quantizer):
    """The code of the largest dot product; its one-hot choice has the gradient of softmax(z e), so that all rows and
    not the chosen one alone move towards latents (IBQ section 3.2). Training holds N x K numbers several times."""

    def __init__(self, config: IndexPropagationConfig, code_dim: int) -> None:
        super().__init__()
        self.num_codes, self.code_dim, self.config = config.num_codes, code_dim, config
        self.codebook = nn.Parameter(torch.empty(config.num_codes, code_dim))
        if config.normalised:
            nn.init.normal_(self.codebook)
        else:
            nn.init.uniform_(self.codebook, -1 / config.num_codes, 1 / config.num_codes)

    @classmethod
    def empty_published(cls, config: IndexPropagationConfig, code_dim: int, num_codes: int) -> DotProductCodebook:
        return DotProductCodebook(num_codes, code_dim)

    def table(self) -> Tensor:
        """Returns the codebook as the decoder sees it, (K, D)."""
        return F.normalize(self.codebook, dim=1) if self.config.normalised else self.codebook

    def align(self, latents: Tensor) -> Tensor:
        """Returns latents as rows (N, D), of length 1 where the codebook's are."""
        rows = rows_of(latents)
        return F.normalize(rows, dim=1) if self.config.normalised else rows

    def encode(self, latents: Tensor) -> Tensor:
        with torch.autocast(latents.device.type, enabled=False):
            tokens = most_alike(self.align(latents), self.table())
        return rearrange(tokens, "(b h w) -> b h w", b=latents.shape[0], h=latents.shape[2])

    def decode(self, tokens: Tensor) -> Tensor:
        return rearrange(F.embedding(tokens, self.table()), "b h w d -> b d h w")

    def published(self) -> DotProductCodebook:
        return DotProductCodebook.of(self.table())

    def forward(self, latents: Tensor) -> Quantized:
        """Quantises latents (B, D, h, w) (IBQ eq. 3 to 6)."""
        with torch.autocast(latents.device.type, enabled=False):
            batch, _, height, _ = latents.shape
            rows, table, config = self.align(latents), self.table(), self.config
            logits = rows @ table.T
            found = logits.detach().argmax(1)
            chosen = F.embedding(found, table)
            share = logits.softmax(1)
            # The one-hot choice plus what softmax adds of gradient, without its N x K ones and zeros.
            propagated = chosen + (share - share.detach()) @ table.detach()
            losses = {
                "propagated": (propagated - rows).square().mean(),
                "commitment": (chosen.detach() - rows).square().mean(),
                "codebook": (chosen - rows.detach()).square().mean(),
            }
            loss = losses["propagated"] + losses["commitment"] + config.commitment_weight * losses["codebook"]
            if config.entropy_weight:
                of_mean, mean_of = logit_entropies(logits / config.entropy_temperature)
                losses |= {"entropy": of_mean, "sample_entropy": mean_of}
                loss = loss + config.entropy_weight * (mean_of - of_mean)
            tokens = rearrange(found, "(b h w) -> b h w", b=batch, h=height)
            return Quantized(
                latents=rearrange(propagated, "(b h w) d -> b d h w", b=batch, h=height),
                codes=rearrange(chosen, "(b h w) d -> b d h w", b=batch, h=height),
                tokens=tokens, losses=losses, loss=loss, counts=count_codes(tokens, self.num_codes),
            )  # fmt: skip


def logit_entropies(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Returns H(mean_i p_i) and mean_i H(p_i) in nats for logits (N, K), p_i their softmax; the mean in the first runs
    over all ranks.

    >>> [round(abs(h.item()), 4) for h in logit_entropies(torch.tensor([[-99.0, 99.0], [99.0, -99.0]]))]
    [0.6931, 0.0]
    """
    share = logits.softmax(1)
    mean = differentiable_mean(share.mean(0))
    tiny = torch.finfo(mean.dtype).tiny
    return -torch.special.xlogy(mean, mean.clamp(min=tiny)).sum(), -(share * logits.log_softmax(1)).sum(1).mean()
