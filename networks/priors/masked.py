"""Non-autoregressive prior: masked token modelling (MaskGIT, Chang et al. 2022; SeQ-GAN's NAR)."""

import math

import torch
from torch import Tensor, nn

from configs.architecture import TransformerConfig
from networks.priors.condition import ClassEmbedding
from networks.transformer import Transformer, initialise


class MaskedPrior(nn.Module):
    """Class token and N tokens, some of them masked; every position predicts its own token.

    The mask has a row of its own behind the codes' (index K). The head starts at zero: first loss ln K.
    """

    def __init__(self, config: TransformerConfig, num_codes: int, num_tokens: int, num_classes: int) -> None:
        super().__init__()
        self.num_codes, self.num_tokens = num_codes, num_tokens
        self.classes = ClassEmbedding(num_classes, config.width)
        self.codes = nn.Embedding(num_codes + 1, config.width)
        self.transformer = Transformer(config, num_positions=num_tokens + 1, causal=False)
        self.head = nn.Linear(config.width, num_codes, bias=False)
        initialise(self)
        nn.init.zeros_(self.head.weight)

    def forward(self, tokens: Tensor, labels: Tensor) -> Tensor:
        """Returns logits (B, N, K) for tokens (B, N), where K stands for "masked"."""
        x = torch.cat([self.classes(labels), self.codes(tokens)], dim=1)
        return self.head(self.transformer(x)[:, 1:])


def random_mask(ratio: Tensor, order: Tensor) -> Tensor:
    """Returns a mask (B, N), True where masked: ceil(cos(pi r / 2) N) positions of each row, at least one.

    Args:
        ratio: (B,) r, uniform in [0, 1) (MaskGIT eq. 3: the cosine schedule).
        order: (B, N) numbers whose lowest are masked; uniform noise for a random choice.

    >>> random_mask(torch.tensor([0.0, 0.99]), torch.tensor([[0.2, 0.1], [0.2, 0.1]])).tolist()
    [[True, True], [False, True]]
    """
    num_tokens = order.shape[1]
    count = (torch.cos(ratio.double() * math.pi / 2) * num_tokens).ceil().long().clamp(1, num_tokens)
    rank = order.argsort(dim=1).argsort(dim=1)
    return rank < count[:, None]
