"""Entropies of soft assignments: the codebook regularisers of SeQ-GAN (section 3.4) and of MaskGIT and FQGAN."""

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from smalti.collectives import differentiable_mean

ROWS = 2**21  # assignments held at once in float32
GPU_ROWS = 2**26  # a GPU wants fewer and larger products


def _assignments(latents: Tensor, codebook: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Sum over the rows of p_ik = softmax_k(-|z_i - e_k|^2 / temperature), (K,), and of their entropies; |z|^2 cancels
    in the softmax."""
    logits = torch.addmm(-codebook.square().sum(1), latents, codebook.T, alpha=2.0) / temperature
    share = logits.softmax(1)
    # The logarithm needs no graph: its own part of the entropy's gradient is p - p sum(p) = 0.
    return share.sum(0), -torch.linalg.vecdot(share, logits.detach().log_softmax(1)).sum()


def assignment_entropies(
    latents: Tensor, codebook: Tensor, temperature: float, epsilon: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Returns H(mean_i p_i) and mean_i H(p_i) in nats, in [0, ln K], differentiable; latents (N, D), codebook (K, D).

    p_ik = softmax over k of -|z_i - e_k|^2 / temperature. The mean in the first runs over all tokens of the batch on
    all ranks, the mean in the second over this rank's. SeQ-GAN prints its regulariser as + gamma H(mean p); the
    purpose, a smooth mean, needs the loss term - gamma H; its "L2 distance" is squared here, as in VQFR, on which it
    builds. FQGAN's is 0.03 (mean H - H(mean)) at temperature 0.01.

    With ``epsilon`` the first is -sum_k p_k log(p_k + epsilon), by which a code below that share is hardly pushed:
    MaskGIT, LlamaGen, FQGAN and Open-MAGVIT2 compute it so, with 1e-5. (They add it to the logits of the second too,
    where it cancels.) Rows are worked off in chunks that are computed again in the backward pass:
    memory doesn't grow with N K.

    >>> codes, points = torch.tensor([[-1.0], [1.0]]), torch.tensor([[-9.0], [9.0]])
    >>> [round(h.item(), 4) for h in assignment_entropies(points, codes, 1.0)]  # ln 2: both in use; each row sure
    [0.6931, 0.0]
    """
    with torch.autocast(latents.device.type, enabled=False):
        dtype = torch.promote_types(latents.dtype, torch.float32)
        points, codes = latents.to(dtype), codebook.to(dtype)
        centre = codes.mean(0).detach()
        points, codes = points - centre, codes - centre
        mean, entropy = codes.new_zeros(len(codes)), codes.new_zeros(())
        for chunk in points.split(max(1, (GPU_ROWS if points.is_cuda else ROWS) // len(codes))):
            part, own = checkpoint(_assignments, chunk, codes, temperature, use_reentrant=False)
            mean, entropy = mean + part, entropy + own
        mean = differentiable_mean(mean / len(points))
        # The shares sum to one, so a constant may be added to the slope: near zero it rounds less in the softmax's
        # backward. The value stays.
        total = mean.sum()
        # A code that no latent is near has a finite slope, too.
        logarithm = (mean + epsilon).clamp(min=torch.finfo(dtype).tiny).log()
        level = (logarithm * mean).sum().detach() + 1
        return -(logarithm * mean).sum() + level * (total - total.detach()), entropy / len(points)
