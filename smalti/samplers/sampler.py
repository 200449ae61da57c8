"""What every sampler is."""

from collections.abc import Callable, Sequence

from torch import Tensor

Sampler = Callable[[Tensor, Sequence[int]], Tensor]
"""(labels (B,), sample indices) to tokens (B, k, N), or of a prior over latents to latents (B, D, h, w): sample i is a
function of its label, the seed and i alone."""
