"""Sampling from an autoregressive prior."""

from collections.abc import Sequence

import torch
from torch import Tensor

from smalti.config.sampling import ArSamplingConfig
from smalti.priors.causal import CausalPrior
from smalti.samplers.given import Given
from smalti.samplers.guidance import Guidance, guidance_for, guide
from smalti.samplers.logits import check_drawable, draw, drawable, keep_top_k, keep_top_p
from smalti.samplers.noise import uniform
from smalti.samplers.sampler import Sampler

UNGUIDED = Guidance()


@torch.no_grad()
def sample_causal(
    prior: CausalPrior,
    labels: Tensor,
    noise: Tensor,
    *,
    temperature: float | Sequence[float] = 1.0,
    top_k: int | Sequence[int] = 0,
    top_p: float = 1.0,
    guidance: Guidance = UNGUIDED,
    given: Given | None = None,
) -> Tensor:
    """Returns tokens (B, k, N) for labels (B,) and noise (B, s, N), with preallocated key-value caches.

    Temperature and top-k are one number for all sub-tokens, or one for each. Guidance 1 runs the conditional model
    alone; any other scale runs both in one batch.

    Args:
        given: the beginning of the image, which is kept.

    Raises:
        ValueError: logits that aren't finite, or kept tokens that are no beginning.
    """
    prefix = given.prefix() if given else 0
    known = prior.division.split(given.tokens) if given else None
    guided, number = guidance.active, prior.num_sub_tokens
    temperatures = [temperature] * number if isinstance(temperature, int | float) else temperature
    top_ks = [top_k] * number if isinstance(top_k, int) else top_k
    context = torch.cat([labels, prior.classes.nothing(labels)]) if guided else labels
    caches, head_caches = prior.transformer.new_caches(len(context)), prior.heads.new_caches(len(context))
    feature = prior.start(context, caches)
    tokens = labels.new_empty(len(labels), number, prior.num_tokens)
    sound = torch.ones((), dtype=torch.bool, device=labels.device)
    for position in range(prior.num_tokens):
        previous, done = None, position / prior.num_tokens
        if known is not None and position < prefix:
            tokens[:, :, position] = known[:, :, position]
        for book in range(number if position >= prefix else 0):
            logits = prior.sub_logits(book, feature, previous, head_caches)
            if guided:
                conditional, unconditional = logits.chunk(2)
                logits = guide(conditional, unconditional, guidance.scale(book, done, done))
            logits = logits / temperatures[book]
            sound = sound & drawable(logits)
            kept = keep_top_p(keep_top_k(logits, top_ks[book]), top_p)
            tokens[:, book, position] = draw(kept, noise[:, book, position])
            previous = tokens[:, book, position].repeat(2) if guided else tokens[:, book, position]
        if position + 1 < prior.num_tokens:
            now = tokens[:, :, position]
            feature = prior.advance(now.repeat(2, 1) if guided else now, caches)
    check_drawable(sound)
    return prior.division.join(tokens)


def causal_sampler(prior: CausalPrior, config: ArSamplingConfig, seed: int, given: Given | None = None) -> Sampler:
    """Returns (labels (B,), sample indices) -> tokens (B, k, N), which go on from what is ``given`` of these samples.

    Raises:
        ValueError: temperatures or guidance scales that fit neither all sub-tokens at once nor each.
    """
    number, share = prior.num_sub_tokens, config.top_k_share
    guidance = guidance_for(config.guidance, number)
    if len(config.temperatures) not in (0, number):
        raise ValueError(f"temperatures {list(config.temperatures)}: give one for each of {number} sub-tokens")
    top_ks = [config.top_k if share is None else max(1, round(share * codes)) for codes in prior.division.num_codes]

    def sample(labels: Tensor, indices: Sequence[int]) -> Tensor:
        noise = uniform(seed, indices, (number, prior.num_tokens), "ar").to(labels.device)
        temperature = config.temperatures or config.temperature
        return sample_causal(
            prior, labels, noise, temperature=temperature, top_k=top_ks, top_p=config.top_p, guidance=guidance,
            given=given,
        )  # fmt: skip

    return sample
