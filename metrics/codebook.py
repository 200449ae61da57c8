"""How much of a codebook is used."""

import torch
from torch import Tensor
from torchmetrics import Metric


def usage(counts: Tensor) -> dict[str, Tensor]:
    """Returns ``usage`` (share of codes used at all), ``entropy`` (nats) and ``perplexity`` (exp of it) of counts (K,).

    >>> {name: round(value.item(), 3) for name, value in usage(torch.tensor([5, 5, 0, 0])).items()}
    {'usage': 0.5, 'entropy': 0.693, 'perplexity': 2.0}
    """
    share = counts.double() / counts.sum().clamp(min=1)
    entropy = torch.special.entr(share).sum()
    return {"usage": (counts > 0).double().mean(), "entropy": entropy, "perplexity": entropy.exp()}


class CodebookUsage(Metric):
    """Usage, entropy and perplexity of all tokens seen, over all ranks; counts are int64."""

    full_state_update = False
    counts: Tensor

    def __init__(self, num_codes: int) -> None:
        super().__init__()
        self.num_codes = num_codes
        self.add_state("counts", torch.zeros(num_codes, dtype=torch.int64), dist_reduce_fx="sum", persistent=True)

    def update(self, counts: Tensor) -> None:
        """Adds the counts (K,) of a batch."""
        self.counts += counts

    def compute(self) -> dict[str, Tensor]:
        return {name: value.float() for name, value in usage(self.counts).items()}
