"""Nearest-code search that never holds an N x K matrix."""

import torch
from torch import Tensor
from torch.nn import functional as F

SCORES = 2**20  # scores held at once, for each 32 channels: few enough for a CPU's cache, enough rows for a product
GPU_SCORES = 2**26  # a GPU wants fewer and larger products


def _columns(num_codes: int) -> int:
    """Returns the width of the two-level maximum: a power of two near the root of K.

    >>> _columns(100_000), _columns(512), _columns(2)
    (256, 16, 2)
    """
    return max(2, 2 ** ((num_codes.bit_length() - 1) // 2))


@torch.no_grad()
def nearest_codes(latents: Tensor, codebook: Tensor) -> Tensor:
    """Returns the index of the nearest code in squared L2 distance, int64 (N,), for latents (N, D), codebook (K, D).

    argmin |z - e|^2 = argmax z.e - |e|^2 / 2. Both sides are moved to the codebook's mean first: distances don't
    change, and float32 then doesn't lose them to cancellation when the latents lie far from the origin. A maximum
    with its place is slow along a row, so it is found in two levels: the maxima of columns of codes, then the best
    within a column. The two best of the two best columns hold the true best two; of these four the one with the
    smallest distance in float64 is chosen, so that rounding cannot prefer a farther code. Never autocast.

    >>> nearest_codes(torch.tensor([[0.9], [-3.0]]), torch.tensor([[-1.0], [1.0]])).tolist()
    [1, 0]
    """
    with torch.autocast(latents.device.type, enabled=False):
        dtype = torch.promote_types(latents.dtype, torch.float32)
        codes, points = codebook.to(dtype), latents.to(dtype)
        num_codes = len(codes)
        if num_codes == 1:
            return torch.zeros(len(points), dtype=torch.int64, device=points.device)
        centre = codes.mean(0)
        codes, points = codes - centre, points - centre
        columns = _columns(num_codes)
        spare = -num_codes % columns
        # The offset rides along as one more channel, against ones: adding it to every row costs more than the product.
        offset = F.pad(codes.square().sum(1) / -2, (0, spare), value=torch.finfo(dtype).min)
        table = torch.cat([F.pad(codes, (0, 0, 0, spare)).T, offset[None]])
        points = F.pad(points, (0, 1), value=1.0)
        held = GPU_SCORES if points.is_cuda else SCORES * max(1, codes.shape[1] // 32)
        chunk = min(len(points), max(1, held // (num_codes + spare)))
        # One buffer for the scores of every chunk: fresh ones would cost page faults, and tear the heap to pieces.
        scores = points.new_empty(chunk, num_codes + spare)
        found = [
            _refine(raw, codebook, _candidates(torch.mm(rows, table, out=scores[: len(rows)]), columns))
            for raw, rows in zip(latents.split(max(1, chunk)), points.split(max(1, chunk)), strict=True)
            if len(rows)
        ]
        return torch.cat(found) if found else points.new_zeros(0, dtype=torch.int64)


def _candidates(scores: Tensor, columns: int) -> Tensor:
    """Returns four codes (n, 4) for scores (n, K): the two best of the two best columns."""
    table = scores.unflatten(1, (-1, columns))
    best = table.amax(1).topk(2, dim=1).indices
    inside = table.gather(2, best[:, None, :].expand(-1, table.shape[1], -1))
    rows = inside.topk(min(2, table.shape[1]), dim=1).indices
    return (rows * columns + best[:, None, :]).flatten(1)


def _refine(points: Tensor, codes: Tensor, candidates: Tensor) -> Tensor:
    """Returns the candidate (n,) with the smallest distance, computed directly and in float64."""
    candidates = candidates.clamp(max=len(codes) - 1)
    distance = (points[:, None].double() - codes[candidates].double()).square().sum(2)
    return candidates.gather(1, distance.argmin(1, keepdim=True)).squeeze(1)
