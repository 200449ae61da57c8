"""How much of a codebook is used."""

import torch
from torch import Tensor
from torchmetrics import Metric


def book_usage(counts: Tensor) -> dict[str, Tensor]:
    """Returns ``usage`` (share of codes used at all), ``entropy`` (nats) and ``perplexity`` (exp of it) of counts (K,).

    >>> {name: round(value.item(), 3) for name, value in book_usage(torch.tensor([5, 5, 0, 0])).items()}
    {'usage': 0.5, 'entropy': 0.693, 'perplexity': 2.0}
    """
    share = counts.double() / counts.sum().clamp(min=1)
    entropy = torch.special.entr(share).sum()
    return {"usage": (counts > 0).double().mean(), "entropy": entropy, "perplexity": entropy.exp()}


def usage(counts: Tensor) -> dict[str, Tensor]:
    """Returns the figures of one or several books, counts (k, K): the means over the books, and each book's own as
    ``usage/0`` and so on if there are several.

    >>> {name: value.item() for name, value in usage(torch.tensor([[1, 1], [2, 0]])).items() if "usage" in name}
    {'usage': 0.75, 'usage/0': 1.0, 'usage/1': 0.5}
    """
    books = [book_usage(row) for row in counts]
    found = {name: torch.stack([book[name] for book in books]).mean() for name in books[0]}
    if len(books) > 1:
        found |= {f"{name}/{i}": value for i, book in enumerate(books) for name, value in book.items()}
    return found


class CodebookUsage(Metric):
    """Usage, entropy and perplexity of all tokens seen, of each book, over all ranks; counts are int64."""

    full_state_update = False
    counts: Tensor

    def __init__(self, num_books: int, num_codes: int) -> None:
        super().__init__()
        counts = torch.zeros(num_books, num_codes, dtype=torch.int64)
        self.add_state("counts", counts, dist_reduce_fx="sum", persistent=True)

    def update(self, counts: Tensor) -> None:
        """Adds the counts (k, K) of a batch."""
        self.counts += counts

    def compute(self) -> dict[str, Tensor]:
        return {name: value.float() for name, value in usage(self.counts).items()}
