"""Sampling from a masked prior: MaskGIT's decoder."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from smalti.config.sampling import NarSamplingConfig
from smalti.priors.masked import MaskedPrior
from smalti.samplers.given import Given
from smalti.samplers.guidance import Guidance, guidance_for, guide
from smalti.samplers.logits import check_drawable, draw, drawable
from smalti.samplers.noise import gumbel, uniform
from smalti.samplers.sampler import Sampler


def cosine(num_tokens: int, ratio: float) -> int:
    """Returns floor(N cos(pi r / 2)), the masked tokens after a share r of the steps (MaskGIT section 3.3).

    In float32, as MaskGIT's decoder computes it. That shows where N / 2 would be whole, at r = 2/3: the product is a
    little less, and one token fewer stays masked.

    >>> cosine(256, 8 / 12)
    127
    """
    angle = np.float32(math.pi / 2) * np.float32(ratio)
    return math.floor(np.float32(num_tokens) * np.float32(math.cos(angle)))


def arccos(num_tokens: int, ratio: float) -> int:
    """Returns floor(N arccos(r) / (pi / 2)), in float64 (TiTok's decoder)."""
    return math.floor(num_tokens * (math.acos(ratio) / (math.pi / 2)))


Schedule = Callable[[int, float], int]
SCHEDULES: dict[str, Schedule] = {"cosine": cosine, "arccos": arccos}


def masked_counts(num_tokens: int, steps: int, schedule: Schedule) -> list[int]:
    """Returns how many tokens are still masked after each step: schedule(N, (t + 1)/T), 0 at the end, and at every
    step before it at least one token fixed and one masked, as in MaskGIT's decoder.

    >>> masked = [256, *masked_counts(256, 8, cosine)]
    >>> [a - b for a, b in zip(masked, masked[1:])]
    [5, 15, 24, 31, 39, 45, 48, 49]
    """
    left, counts = num_tokens, []
    for step in range(steps):
        left = max(1, min(schedule(num_tokens, (step + 1) / steps), left - 1)) if step + 1 < steps else 0
        counts.append(left)
    return counts


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
    guidance: Guidance


MASKGIT = ConfidenceDecoding(
    steps=12,
    token_temperature=1.0,
    choice_temperature=4.5,
    choice_space="log_probability",
    schedule="cosine",
    guidance=Guidance(),
)


# Logits drawn from at a time: about half a gigabyte, thrice of it in float64. With 100,000 codes all of them are many.
LOGITS = 2**24


def draw_where(
    prior: MaskedPrior,
    features: Tensor,
    unconditional: Tensor | None,
    where: Tensor,
    noise: Tensor,
    scales: Sequence[float],
    temperature: float,
) -> tuple[Tensor, Tensor]:
    """Returns drawn tokens and their log-probabilities in float64, both (B, k, N); 0 and infinity but ``where``.

    Args:
        features: (B, k, N, C), and ``unconditional`` the same without labels if there is guidance by ``scales``, one a
            book.
        where, noise: (B, k, N), on the features' device.
        temperature: of the tokens that are drawn, not of their log-probabilities.

    Raises:
        ValueError: logits that aren't finite.
    """
    tokens = torch.zeros_like(where, dtype=torch.int64)
    confidence = torch.full_like(noise, math.inf, dtype=torch.float64)
    for book in range(prior.num_books):
        chosen = where[:, book].nonzero(as_tuple=True)
        for rows in zip(*(part.split(max(1, LOGITS // prior.num_codes)) for part in chosen), strict=True):
            logits = prior.outputs.book(book, features[:, book][rows])
            if unconditional is not None:
                logits = guide(logits, prior.outputs.book(book, unconditional[:, book][rows]), scales[book])
            tempered = logits / temperature
            check_drawable(drawable(tempered))
            drawn = draw(tempered, noise[:, book][rows])
            tokens[:, book][rows] = drawn
            confidence[:, book][rows] = logits.double().log_softmax(-1).gather(-1, drawn[:, None]).squeeze(-1)
    return tokens, confidence


@torch.no_grad()
def sample_masked(
    prior: MaskedPrior, labels: Tensor, noise: Tensor, settings: ConfidenceDecoding, given: Given | None = None
) -> Tensor:
    """Returns tokens (B, k, N) for labels (B,) and noise (B, 2, T, k, N) (MaskGIT section 3.3, eq. 1).

    Each step draws every masked sub-token, keeps the most confident of all k N, and masks the rest again. What is
    ``given`` is known from the start, and the steps share out the rest (MaskGIT section 4.3: inpainting).
    """
    books, guidance = prior.num_books, settings.guidance
    mask_token = prior.num_codes
    tokens = labels.new_full((len(labels), books, prior.num_tokens), mask_token)
    if given:
        tokens = torch.where(given.keep, given.tokens, tokens)
    unknown_first = books * (prior.num_tokens - (int(given.keep.sum()) if given else 0))
    if not unknown_first:
        return tokens
    counts = masked_counts(unknown_first, settings.steps, SCHEDULES[settings.schedule])
    for step, masked_after in enumerate(counts):
        known = 1 - max(1, masked_after) / (books * prior.num_tokens)  # after this step, as MAR counts
        scales = [guidance.scale(book, step / settings.steps, known) for book in range(books)]
        unconditional = None
        if all(scale == 1 for scale in scales):
            features = prior.features(tokens, labels)
        else:
            both = prior.features(tokens.repeat(2, 1, 1), torch.cat([labels, prior.classes.nothing(labels)]))
            features, unconditional = both.chunk(2)
        unknown = tokens == mask_token
        drawn, confidence = draw_where(
            prior, features, unconditional, unknown, noise[:, 0, step], scales, settings.token_temperature
        )
        drawn = torch.where(unknown, drawn, tokens)
        if settings.choice_space == "probability":
            confidence = confidence.exp()
        anneal = settings.choice_temperature * (1 - (step + 1) / settings.steps)
        confidence = confidence + anneal * gumbel(noise[:, 1, step].to(confidence))
        confidence = confidence.masked_fill(~unknown, math.inf).flatten(1)
        rank = confidence.argsort(dim=1, stable=True).argsort(dim=1).view_as(drawn)
        tokens = drawn.masked_fill(rank < masked_after, mask_token)
    return tokens


def masked_sampler(prior: MaskedPrior, config: NarSamplingConfig, seed: int, given: Given | None = None) -> Sampler:
    """Returns (labels (B,), sample indices) -> tokens (B, k, N), what is ``given`` of these samples among them."""
    settings = ConfidenceDecoding(
        steps=config.steps,
        token_temperature=config.token_temperature,
        choice_temperature=config.choice_temperature,
        choice_space=config.choice_space,
        schedule=config.schedule,
        guidance=guidance_for(config.guidance, prior.num_books),
    )

    def sample(labels: Tensor, indices: Sequence[int]) -> Tensor:
        noise = uniform(seed, indices, (2, config.steps, prior.num_books, prior.num_tokens), "nar").to(labels.device)
        return sample_masked(prior, labels, noise, settings, given)

    return sample
