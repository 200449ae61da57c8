"""Nearest-code search that never holds an N x K matrix."""

import torch
from torch import Tensor

ROWS = 2**22  # scores held at once: 16 MB in float32


@torch.no_grad()
def nearest_codes(latents: Tensor, codebook: Tensor) -> Tensor:
    """Returns the index of the nearest code in squared L2 distance, int64 (N,), for latents (N, D), codebook (K, D).

    argmin |z - e|^2 = argmax z.e - |e|^2 / 2. Both sides are moved to the codebook's mean first: distances don't
    change, and float32 then doesn't lose them to cancellation when the latents lie far from the origin. Always
    float32 (float64 if given), whatever the autocast.

    >>> nearest_codes(torch.tensor([[0.9], [-3.0]]), torch.tensor([[-1.0], [1.0]])).tolist()
    [1, 0]
    """
    with torch.autocast(latents.device.type, enabled=False):
        dtype = torch.promote_types(latents.dtype, torch.float32)
        centre = codebook.to(dtype).mean(0)
        codes = codebook.to(dtype) - centre
        points = latents.to(dtype) - centre
        offset = codes.square().sum(1) / -2
        rows = max(1, ROWS // len(codes))
        found = [torch.addmm(offset, chunk, codes.T).argmax(1) for chunk in points.split(rows)]
        return torch.cat(found) if found else latents.new_zeros(0, dtype=torch.int64)
