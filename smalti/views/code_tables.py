"""The codes of any quantiser as tables, and which codes lie next to each other in them."""

import torch
from einops import rearrange
from torch import Tensor

from smalti.codebooks import FactorisedCodebooks, Quantizer
from smalti.codebooks.residual import ResidualCodebooks

DISTANCES = 2**22  # float64 distances held at once: 32 MB


@torch.no_grad()
def code_tables(quantizer: Quantizer) -> list[Tensor]:
    """Returns the codes of each book as the decoder is given them, (K, D); of factorised books each has its own D."""
    books = quantizer.parts() if isinstance(quantizer, FactorisedCodebooks | ResidualCodebooks) else [quantizer]
    device = next((tensor.device for tensor in quantizer.state_dict().values()), None)
    every = torch.arange(quantizer.num_codes, device=device).view(1, 1, -1)
    return [rearrange(book.decode(every), "1 d 1 k -> k d") for book in books]


@torch.no_grad()
def nearest_others(table: Tensor, codes: Tensor, number: int) -> Tensor:
    """Returns the codes (M, number) nearest to each of ``codes`` (M,) in a table (K, D), itself left out, the nearest
    first; by L2 distance in float64.

    >>> nearest_others(torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([1]), 2).tolist()
    [[0, 2]]

    Raises:
        ValueError: a table with fewer other codes.
    """
    if number >= len(table):
        raise ValueError(f"{number} nearest codes of {len(table)}: a code has {len(table) - 1} others; ask for fewer")
    rows = table.double()
    found = []
    for part in codes.split(max(1, DISTANCES // len(table))):
        distances = torch.cdist(rows[part], rows, compute_mode="donot_use_mm_for_euclid_dist")
        distances.scatter_(1, part[:, None], torch.inf)
        found.append(distances.topk(number, dim=1, largest=False).indices)
    return torch.cat(found) if found else codes.new_zeros(0, number)
