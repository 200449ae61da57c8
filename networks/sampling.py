"""Sampling from priors, as small pure functions.

B batch, N tokens, K codes, T steps. ``noise`` is uniform in [0, 1) and given by the caller, row by row from
(seed, index), so that a sample does not depend on the batch that it is drawn in.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from networks.noise import gumbel
from networks.priors.causal import CausalPrior
from networks.priors.masked import MaskedPrior


def guide(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Returns u + s (c - u): s = 1 is the conditional model, s = 0 the unconditional one (LlamaGen's form).

    >>> guide(torch.tensor([2.0]), torch.tensor([1.0]), 3.0).item()
    4.0
    """
    return unconditional + scale * (conditional - unconditional)


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """Returns logits (..., K) with all but the ``k`` highest at minus infinity; k = 0 keeps all."""
    if k <= 0 or k >= logits.shape[-1]:
        return logits
    threshold = logits.topk(k, dim=-1).values[..., -1:]
    return logits.masked_fill(logits < threshold, -math.inf)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """Returns logits with the smallest set of codes whose probability reaches ``p``, the rest at minus infinity
    (nucleus sampling, Holtzman et al. 2020); p = 1 keeps all.

    >>> keep_top_p(torch.tensor([0.5, 0.3, 0.2]).log(), 0.6).isinf().tolist()
    [False, False, True]
    """
    if p >= 1:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True)
    probability = ordered.softmax(-1)
    outside = probability.cumsum(-1) - probability >= p
    return logits.masked_fill(torch.zeros_like(outside).scatter(-1, order, outside), -math.inf)


def draw(logits: Tensor, noise: Tensor) -> Tensor:
    """Returns one index (...,) a row of logits (..., K), by inverting the cumulative distribution at noise (...,)."""
    cumulative = logits.double().softmax(-1).cumsum(-1)
    target = noise.to(cumulative)[..., None] * cumulative[..., -1:]
    return torch.searchsorted(cumulative, target, right=True).squeeze(-1).clamp(max=logits.shape[-1] - 1)


@torch.no_grad()
def sample_causal(
    prior: CausalPrior,
    labels: Tensor,
    noise: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    guidance: float = 1.0,
) -> Tensor:
    """Returns tokens (B, N) for labels (B,) and noise (B, N), with a preallocated key-value cache.

    Guidance 1 runs the conditional model alone; any other scale runs both in one batch.
    """
    guided = guidance != 1
    context = torch.cat([labels, prior.classes.nothing(labels)]) if guided else labels
    caches = prior.transformer.new_caches(len(context))
    logits = prior.first_logits(context, caches)
    tokens = []
    for position in range(prior.num_tokens):
        if guided:
            conditional, unconditional = logits.chunk(2)
            logits = guide(conditional, unconditional, guidance)
        kept = keep_top_p(keep_top_k(logits / temperature, top_k), top_p)
        tokens.append(draw(kept, noise[:, position]))
        if position + 1 < prior.num_tokens:
            logits = prior.next_logits(tokens[-1].repeat(2) if guided else tokens[-1], caches)
    return torch.stack(tokens, dim=1)


def cosine(ratio: float) -> float:
    """Returns the masked share after a share ``ratio`` of the steps: cos(pi r / 2) (MaskGIT section 3.3)."""
    return math.cos(math.pi * ratio / 2)


def arccos(ratio: float) -> float:
    """Returns arccos(r) / (pi / 2)."""
    return math.acos(ratio) / (math.pi / 2)


SCHEDULES: dict[str, Callable[[float], float]] = {"cosine": cosine, "arccos": arccos}


def masked_counts(num_tokens: int, steps: int, schedule: Callable[[float], float]) -> list[int]:
    """Returns how many tokens are still masked after each step: floor(N schedule((t + 1)/T)), 0 at the end, and at
    every step before it at least one token fixed and one masked, as in MaskGIT's decoder.

    >>> masked = [256, *masked_counts(256, 8, cosine)]
    >>> [a - b for a, b in zip(masked, masked[1:])]
    [5, 15, 24, 31, 39, 45, 48, 49]
    """
    left, counts = num_tokens, []
    for step in range(steps):
        wanted = math.floor(num_tokens * schedule((step + 1) / steps))
        left = max(1, min(wanted, left - 1)) if step + 1 < steps else 0
        counts.append(left)
    return counts


def guidance_scale(form: Literal["constant", "linear"], scale: float, ratio: float) -> float:
    """Returns the guidance scale when a share ``ratio`` of the steps is done; linear runs from 1 to ``scale``."""
    return scale if form == "constant" else 1 + (scale - 1) * ratio


@dataclass(frozen=True, kw_only=True)
class ConfidenceDecoding:
    """Settings of MaskGIT's decoder, kept apart where codebases mix them.

    ``choice_temperature`` scales the Gumbel noise on the confidence, annealed linearly to 0 (MaskGIT: 4.5 on log
    probabilities; SeQ-GAN's 0.45 and 0.65 make sense on probabilities). ``token_temperature`` divides the logits that
    tokens are drawn from.
    """

    steps: int
    token_temperature: float
    choice_temperature: float
    choice_space: Literal["log_probability", "probability"]
    schedule: Literal["cosine", "arccos"]
    guidance: float
    guidance_form: Literal["constant", "linear"]


MASKGIT = ConfidenceDecoding(
    steps=12,
    token_temperature=1.0,
    choice_temperature=4.5,
    choice_space="log_probability",
    schedule="cosine",
    guidance=1.0,
    guidance_form="constant",
)


@torch.no_grad()
def sample_masked(prior: MaskedPrior, labels: Tensor, noise: Tensor, settings: ConfidenceDecoding) -> Tensor:
    """Returns tokens (B, N) for labels (B,) and noise (B, 2, T, N) (MaskGIT section 3.3, eq. 1).

    Each step draws every masked token, keeps the most confident, and masks the rest again. Guidance is
    u + s_t (c - u).
    """
    counts = masked_counts(prior.num_tokens, settings.steps, SCHEDULES[settings.schedule])
    mask_token = prior.num_codes
    tokens = labels.new_full((len(labels), prior.num_tokens), mask_token)
    for step, masked_after in enumerate(counts):
        scale = guidance_scale(settings.guidance_form, settings.guidance, step / max(1, settings.steps - 1))
        if scale == 1:
            logits = prior(tokens, labels)
        else:
            both = prior(tokens.repeat(2, 1), torch.cat([labels, prior.classes.nothing(labels)]))
            conditional, unconditional = both.chunk(2)
            logits = guide(conditional, unconditional, scale)
        unknown = tokens == mask_token
        drawn = draw(logits / settings.token_temperature, noise[:, 0, step])
        drawn = torch.where(unknown, drawn, tokens)

        confidence = logits.double().log_softmax(-1).gather(-1, drawn[..., None]).squeeze(-1)
        if settings.choice_space == "probability":
            confidence = confidence.exp()
        anneal = settings.choice_temperature * (1 - (step + 1) / settings.steps)
        confidence = confidence + anneal * gumbel(noise[:, 1, step].to(confidence))
        confidence = confidence.masked_fill(~unknown, math.inf)
        rank = confidence.argsort(dim=1, stable=True).argsort(dim=1)
        tokens = drawn.masked_fill(rank < masked_after, mask_token)
    return tokens
