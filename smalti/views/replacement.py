"""Tokens replaced by other codes near to them (VQGAN-LC section 4.4, Figure 5)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from smalti.codebooks import Quantizer
from smalti.views.code_tables import code_tables, nearest_others


def replaced(tokens: Tensor, quantizer: Quantizer, ranks: Sequence[int]) -> dict[int, Tensor]:
    """Returns by n the tokens in which each is replaced by its n-th nearest other code, for each n of ``ranks``.

    Tokens are (B, h, w), or (B, k, h, w) of k books, in all of which codes are replaced.

    Raises:
        ValueError: a rank beyond the number of other codes.
    """
    books = tokens.unbind(1) if quantizer.num_books > 1 else [tokens]
    changed: dict[int, list[Tensor]] = {rank: [] for rank in ranks}
    for table, book in zip(code_tables(quantizer), books, strict=True):
        used, places = book.unique(return_inverse=True)
        others = nearest_others(table, used, max(ranks))
        for rank, found in changed.items():
            found.append(others[:, rank - 1][places])
    if quantizer.num_books == 1:
        return {rank: found[0] for rank, found in changed.items()}
    return {rank: torch.stack(found, dim=1) for rank, found in changed.items()}
