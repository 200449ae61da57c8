"""Non-autoregressive prior: masked token modelling (MaskGIT, Chang et al. 2022; SeQ-GAN's NAR)."""

import math

import torch
from torch import Tensor, nn

from smalti.config.priors import NarPriorNetworkConfig
from smalti.layers.transformer import initialise
from smalti.priors.backbone import build_backbone, build_norm
from smalti.priors.condition import ClassEmbedding
from smalti.priors.embedding import EMBEDDINGS
from smalti.priors.outputs import OutputLayers
from smalti.priors.prior import TokenPrior


class MaskedPrior(TokenPrior):
    """Class token and N positions of k sub-tokens, some of them masked; every position predicts its own.

    Sub-tokens are masked one by one. The mask has a row of its own behind the codes' (index K) in each book. Output
    layers start at zero: first loss ln K.
    """

    def __init__(
        self, config: NarPriorNetworkConfig, num_books: int, num_codes: int, num_tokens: int, num_classes: int
    ) -> None:
        super().__init__()
        self.num_books, self.num_codes, self.num_tokens = num_books, num_codes, num_tokens
        width = config.transformer.width
        self.classes = ClassEmbedding(num_classes, width)
        self.codes = EMBEDDINGS[config.embedding]([num_codes + 1] * num_books, width)
        self.transformer = build_backbone(config.transformer, num_tokens + 1, num_tokens, causal=False)
        self.norm = build_norm(config.transformer)
        self.outputs = OutputLayers([num_codes] * num_books, width)
        initialise(self)
        self.outputs.reset()

    def compiled_parts(self) -> list[nn.Module]:
        return [self.transformer]

    def features(self, tokens: Tensor, labels: Tensor) -> Tensor:
        """Returns (B, k, N, C): what the output layers read; tokens (B, k, N), where K stands for "masked"."""
        x = torch.cat([self.classes(labels), self.codes(tokens)], dim=1)
        return self.norm(self.transformer(x))[:, None, 1:].expand(-1, self.num_books, -1, -1)


def random_mask(ratio: Tensor, order: Tensor) -> Tensor:
    """Returns a mask (B, N), True where masked: ceil(cos(pi r / 2) N) entries of each row, at least one.

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
