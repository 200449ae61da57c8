"""Nearest-code search that never holds an N x K matrix."""

from math import isqrt

import torch
from torch import Tensor
from torch.nn import functional as F

# How many codes are scored at once, and how many scores that makes: on a CPU four megabytes, which the caches of two
# cores hold until they are read; with half of it calls cost more than what they do. A GPU wants fewer, larger products.
TILE, GPU_TILE = 4096, 65_536
SCORES, GPU_SCORES = 2**20, 2**26
REFINED = 4  # candidates whose distance is taken in float64


@torch.no_grad()
def nearest_codes(latents: Tensor, codebook: Tensor) -> Tensor:
    """Returns the index of the nearest code in squared L2 distance, int64 (N,), for latents (N, D), codebook (K, D).

    argmin |z - e|^2 = argmax z.e - |e|^2 / 2. Both sides are moved to the codebook's mean first: distances don't
    change, and float32 then doesn't lose them to cancellation when the latents lie far from the origin. A maximum
    with its place is slow, so that first the maxima of cells of a few codes are taken, tile by tile; the two best cells
    hold the best two codes. Of the four best codes of both the one with the smallest distance in float64 is chosen, so
    that rounding cannot prefer a farther code. Never autocast.

    >>> nearest_codes(torch.tensor([[0.9], [-3.0]]), torch.tensor([[-1.0], [1.0]])).tolist()
    [1, 0]
    """
    if not len(latents):
        return latents.new_zeros(0, dtype=torch.int64)
    with torch.autocast(latents.device.type, enabled=False):
        table = CodeTable(codebook, torch.promote_types(latents.dtype, torch.float32), len(latents))
        return torch.cat([table.nearest(rows) for rows in latents.split(table.rows)])


class CodeTable:
    """A codebook (K, D) as search wants it: groups of as many cells, of a few codes each; the last codes are empty.
    ``rows`` of ``number`` latents are searched at once."""

    def __init__(self, codebook: Tensor, dtype: torch.dtype, number: int) -> None:
        self.codebook, self.centre = codebook, codebook.to(dtype).mean(0)
        codes = codebook.to(dtype) - self.centre
        num_codes, channels = codes.shape
        # Wide codes are few to a cell: all of the best cells are scored again.
        self.cell = min(32, max(4, 256 // channels))
        self.groups = max(1, isqrt(-(-num_codes // self.cell)))
        spare = -num_codes % (self.groups * self.cell)
        # The offset rides along as one more channel, against ones: adding it to every row costs more than the product.
        offset = F.pad(codes.square().sum(1) / -2, (0, spare), value=torch.finfo(dtype).min)
        self.table = torch.cat([F.pad(codes, (0, 0, 0, spare)), offset[:, None]], 1)
        size, scores = (GPU_TILE, GPU_SCORES) if codes.is_cuda else (TILE, SCORES)
        self.tile = min(size, len(self.table))
        self.rows = min(number, scores // self.tile)
        # One buffer for the scores of every chunk: fresh ones would cost page faults, and tear the heap to pieces.
        self.scores = codes.new_empty(self.tile * self.rows)

    def nearest(self, latents: Tensor) -> Tensor:
        """Returns the nearest code (n,) of latents (n, D)."""
        points = F.pad(latents.to(self.centre.dtype) - self.centre, (0, 1), value=1.0)
        cells = self.best_cells(points)
        inside = (self.table.unflatten(0, (-1, self.cell))[cells] @ points[:, None, :, None]).flatten(1)
        places = inside.topk(min(REFINED, inside.shape[1]), 1).indices
        codes = cells.gather(1, places // self.cell) * self.cell + places % self.cell
        codes = codes.clamp(max=len(self.codebook) - 1)  # latents that aren't finite may have chosen an empty one
        distance = (latents[:, None].double() - self.codebook[codes].double()).square().sum(2)
        return codes.gather(1, distance.argmin(1, keepdim=True)).squeeze(1)

    def best_cells(self, points: Tensor) -> Tensor:
        """Returns the two cells (n, 2) with the largest scores, of points (n, D + 1); one if there is but one."""
        number, columns = len(points), points.T.contiguous()
        best = points.new_empty(len(self.table) // self.cell, number)
        for tile, part in zip(self.table.split(self.tile), best.split(self.tile // self.cell), strict=True):
            scores = torch.mm(tile, columns, out=self.scores[: len(tile) * number].view(-1, number))
            torch.amax(scores.unflatten(0, (-1, self.cell)), 1, out=part)
        of_group = best.unflatten(0, (self.groups, -1))
        groups = of_group.amax(1).T.topk(min(2, self.groups), 1).indices
        inside = of_group.permute(2, 0, 1)[torch.arange(number, device=groups.device)[:, None], groups].flatten(1)
        places = inside.topk(min(2, inside.shape[1]), 1).indices
        per_group = of_group.shape[1]
        return groups.gather(1, places // per_group) * per_group + places % per_group
