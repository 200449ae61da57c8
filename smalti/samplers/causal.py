"""Sampling from an autoregressive prior."""

from collections.abc import Sequence

import torch
from torch import Tensor

from smalti.config.sampling import ArSamplingConfig
from smalti.priors.causal import CausalPrior
from smalti.samplers.guidance import Guidance, guidance_for, guide
from smalti.samplers.logits import draw, keep_top_k, keep_top_p
from smalti.samplers.noise import uniform
from smalti.samplers.sampler import Sampler

UNGUIDED = Guidance()


@torch.no_grad()
def sample_causal(
    prior: CausalPrior,
    labels: Tensor,
    noise: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    guidance: Guidance = UNGUIDED,
) -> Tensor:
    """Returns tokens (B, k, N) for labels (B,) and noise (B, k, N), with preallocated key-value caches.

    Guidance 1 runs the conditional model alone; any other scale runs both in one batch.
    """
    guided = guidance.active
    context = torch.cat([labels, prior.classes.nothing(labels)]) if guided else labels
    caches, head_caches = prior.transformer.new_caches(len(context)), prior.heads.new_caches(len(context))
    feature = prior.start(context, caches)
    tokens = labels.new_empty(len(labels), prior.num_books, prior.num_tokens)
    for position in range(prior.num_tokens):
        previous, done = None, position / prior.num_tokens
        for book in range(prior.num_books):
            logits = prior.sub_logits(book, feature, previous, head_caches)
            if guided:
                conditional, unconditional = logits.chunk(2)
                logits = guide(conditional, unconditional, guidance.scale(book, done, done))
            kept = keep_top_p(keep_top_k(logits / temperature, top_k), top_p)
            tokens[:, book, position] = draw(kept, noise[:, book, position])
            previous = tokens[:, book, position].repeat(2) if guided else tokens[:, book, position]
        if position + 1 < prior.num_tokens:
            now = tokens[:, :, position]
            feature = prior.advance(now.repeat(2, 1) if guided else now, caches)
    return tokens


def causal_sampler(prior: CausalPrior, config: ArSamplingConfig, seed: int) -> Sampler:
    """Returns (labels (B,), sample indices) -> tokens (B, k, N)."""
    guidance = guidance_for(config.guidance, prior.num_books)
    top_k = config.top_k if config.top_k_share is None else max(1, round(config.top_k_share * prior.num_codes))

    def sample(labels: Tensor, indices: Sequence[int]) -> Tensor:
        noise = uniform(seed, indices, (prior.num_books, prior.num_tokens), "ar").to(labels.device)
        return sample_causal(
            prior, labels, noise, temperature=config.temperature, top_k=top_k, top_p=config.top_p, guidance=guidance
        )

    return sample
