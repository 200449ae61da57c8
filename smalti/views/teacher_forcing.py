"""What an AR prior holds most likely at each position, given all true tokens before it (SeQ-GAN section 3.2)."""

import torch
from torch import Tensor

from smalti.priors.causal import CausalPrior

LOGITS = 2**24  # logits held at once


@torch.no_grad()
def most_likely(prior: CausalPrior, tokens: Tensor, labels: Tensor) -> Tensor:
    """Returns the tokens (B, k, N) that the prior ranks first at each position, for the true tokens (B, k, N) and
    labels (B,): one pass, teacher forcing.

    Of several books, or parts of a split token, each is predicted from the true ones before it at its position too.
    """
    features = prior.features(tokens, labels)
    sub_tokens = []
    for number, part in enumerate(features.unbind(1)):
        rows = part.flatten(0, 1).split(max(1, LOGITS // prior.division.num_codes[number]))
        found = torch.cat([prior.outputs.book(number, row).argmax(-1) for row in rows])
        sub_tokens.append(found.view(part.shape[:2]))
    return prior.division.join(torch.stack(sub_tokens, dim=1))
