"""Entropy of the mean soft assignment: the codebook regulariser of SeQ-GAN (section 3.4)."""

import torch
from torch import Tensor, distributed
from torch.distributed.nn.functional import all_reduce
from torch.utils.checkpoint import checkpoint

ROWS = 2**22  # assignments held at once in float32


def _assignment_sum(latents: Tensor, codebook: Tensor, temperature: float) -> Tensor:
    """Sum over the rows of softmax_k(-|z_i - e_k|^2 / temperature), (K,); |z|^2 cancels in the softmax."""
    logits = torch.addmm(-codebook.square().sum(1), latents, codebook.T, alpha=2.0) / temperature
    return logits.softmax(1).sum(0)


def assignment_entropy(latents: Tensor, codebook: Tensor, temperature: float) -> Tensor:
    """Returns H(mean_i p_i) in nats, in [0, ln K], differentiable; latents (N, D), codebook (K, D).

    p_ik = softmax over k of -|z_i - e_k|^2 / temperature; the mean runs over all tokens of the batch on all ranks.
    SeQ-GAN prints the regulariser as + gamma H; its purpose, a smooth mean, needs the loss term - gamma H. Rows are
    worked off in chunks which are computed again in the backward pass, so that memory doesn't grow with N K.

    >>> codes = torch.tensor([[-1.0], [1.0]])
    >>> round(assignment_entropy(torch.tensor([[-9.0], [9.0]]), codes, 1.0).item(), 4)  # ln 2: both codes in use
    0.6931
    """
    with torch.autocast(latents.device.type, enabled=False):
        dtype = torch.promote_types(latents.dtype, torch.float32)
        points, codes = latents.to(dtype), codebook.to(dtype)
        centre = codes.mean(0).detach()
        points, codes = points - centre, codes - centre
        mean = codes.new_zeros(len(codes))
        for chunk in points.split(max(1, ROWS // len(codes))):
            part = checkpoint(_assignment_sum, chunk, codes, temperature, use_reentrant=False)
            assert isinstance(part, Tensor)
            mean = mean + part
        mean = mean / len(points)
        if distributed.is_available() and distributed.is_initialized():
            mean = all_reduce(mean) / distributed.get_world_size()
        return torch.special.entr(mean).sum()
