"""Cross-entropy of a linear head over a large vocabulary, without ever holding all logits.

M tokens, C channels, K codes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

MAX_LOGITS = 2**24  # held at once: 64 MB in float32, two or three times over


@dataclass(frozen=True)
class TokenLosses:
    """For each token with a target: ``losses`` in nats, and ``correct``, whether the likeliest code is the target."""

    losses: Tensor
    correct: Tensor


def _chunk_size(weight: Tensor) -> int:
    """Returns how many tokens are worked on at once."""
    return max(1, MAX_LOGITS // len(weight))


def token_losses(features: Tensor, weight: Tensor, targets: Tensor) -> TokenLosses:
    """Returns the cross-entropy of each token, without gradient.

    Features (M, C), weight (K, C), targets (M,); a token whose target is -1 is left out.
    """
    has_target = targets >= 0
    losses, correct = [], []
    size = _chunk_size(weight)
    with torch.no_grad():
        for part, target in zip(features.split(size), targets.split(size), strict=True):
            logits = torch.nn.functional.linear(part, weight).float()
            losses.append(torch.nn.functional.cross_entropy(logits, target, reduction="none", ignore_index=-1))
            correct.append(logits.argmax(1) == target)
    return TokenLosses(torch.cat(losses)[has_target], torch.cat(correct)[has_target])


class _LinearCrossEntropy(torch.autograd.Function):
    """Computes the gradients chunk by chunk in the forward pass, where the logits are at hand."""

    @staticmethod
    def forward(ctx, features, weight, targets, smoothing):  # type: ignore[no-untyped-def]
        total = torch.zeros((), dtype=torch.promote_types(features.dtype, torch.float32), device=features.device)
        gradient_features = torch.empty_like(features)
        gradient_weight = torch.zeros_like(weight, dtype=total.dtype)
        size, num_codes = _chunk_size(weight), len(weight)
        for start in range(0, len(features), size):
            part, target = features[start : start + size], targets[start : start + size]
            logits = torch.nn.functional.linear(part, weight).to(total.dtype)
            log_softmax = logits.log_softmax(1)
            counted, index = (target >= 0).to(total.dtype), target.clamp(min=0)[:, None]
            own = log_softmax.gather(1, index).squeeze(1)
            total -= (counted * ((1 - smoothing) * own + smoothing / num_codes * log_softmax.sum(1))).sum()
            # d/dlogits = softmax - (1 - s) onehot - s / K
            gradient_logits = log_softmax.exp_().sub_(smoothing / num_codes)
            gradient_logits.scatter_add_(1, index, torch.full_like(own, smoothing - 1)[:, None])
            gradient_logits = gradient_logits.mul_(counted[:, None]).to(part.dtype)
            torch.mm(gradient_logits, weight, out=gradient_features[start : start + size])
            if part.dtype == total.dtype:
                gradient_weight.addmm_(gradient_logits.T, part)  # in place: the product is as large as the weight
            else:
                gradient_weight += gradient_logits.T @ part
        # Not by save_for_backward: backward scales them in place and hands them on, so that each exists once.
        ctx.gradients = gradient_features, gradient_weight.to(weight.dtype)
        ctx.number = (targets >= 0).sum().clamp(min=1)
        return total / ctx.number

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        assert ctx.gradients is not None, "backward runs once"
        features, weight = ctx.gradients
        ctx.gradients = None
        scale = gradient / ctx.number
        return features.mul_(scale.to(features.dtype)), weight.mul_(scale.to(weight.dtype)), None, None


def linear_cross_entropy(features: Tensor, weight: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Returns the mean over M tokens of -sum_k q_k log softmax_k(W f), in nats, differentiable.

    q is the target, or with label ``smoothing`` s (Szegedy et al. 2016) 1 - s of it and s / K of every code. Features
    (M, C), weight (K, C), targets (M,). A token whose target is -1 doesn't count; since it keeps its place, a masked
    prior's shapes are the same in every step: on a CPU each new shape of a bfloat16 product holds memory for good.
    Under autocast the matrix products run in its type, the softmax in float32. Memory: one chunk of logits and the two
    gradients.

    >>> import math
    >>> loss = linear_cross_entropy(torch.ones(3, 2), torch.zeros(5, 2), torch.tensor([0, 1, 4]))
    >>> math.isclose(loss.item(), math.log(5), rel_tol=1e-6)
    True
    """
    kind = features.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else features.dtype
    with torch.autocast(kind, enabled=False):
        loss = _LinearCrossEntropy.apply(features.to(dtype), weight.to(dtype), targets, smoothing)
    assert isinstance(loss, Tensor)
    return loss
