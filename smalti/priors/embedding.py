"""Tokens of one or several books, or the sub-tokens of one, as vectors."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SummedCodes(nn.Module):
    """One row a code and book; a position is the sum over its books. ``num_rows`` is the number of rows of each book.

    So Open-MAGVIT2 does it, and the parameters that FQGAN's paper prints (415 M, 898 M) are counted.
    """

    def __init__(self, num_rows: Sequence[int], width: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(number, width) for number in num_rows)

    def book(self, number: int, tokens: Tensor) -> Tensor:
        """Returns the rows (..., C) of one book for tokens (...)."""
        return self.tables[number](tokens)

    def each(self, tokens: Tensor) -> Tensor:
        """Returns (B, k, N, C), the row of every sub-token, for tokens (B, k, N)."""
        return torch.stack([table(part) for table, part in zip(self.tables, tokens.unbind(1), strict=True)], dim=1)

    def join(self, rows: Tensor) -> Tensor:
        """Returns positions (B, N, C) from the rows (B, k, N, C) of their sub-tokens."""
        return rows.sum(1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns (B, N, C) for tokens (B, k, N)."""
        return self.join(self.each(tokens))


class ConcatenatedCodes(SummedCodes):
    """The rows of a position side by side, then a linear map back to C: FQGAN as released.

    Raises:
        ValueError: one book, which leaves nothing to put side by side.
    """

    def __init__(self, num_rows: Sequence[int], width: int) -> None:
        if len(num_rows) == 1:
            raise ValueError("embedding concat: the tokenizer has one book; give embedding sum")
        super().__init__(num_rows, width)
        self.aggregate = nn.Linear(len(num_rows) * width, width)

    def join(self, rows: Tensor) -> Tensor:
        return self.aggregate(rows.movedim(1, 2).flatten(2))


EMBEDDINGS: dict[str, type[SummedCodes]] = {"sum": SummedCodes, "concat": ConcatenatedCodes}
