"""Autoregressive prior: p(s) = prod_i p(s_i | s_<i, class) (SeQ-GAN section 3.1; Table 8)."""

import torch
from torch import Tensor, nn

from configs.architecture import TransformerConfig
from networks.priors.condition import ClassEmbedding
from networks.transformer import KeyValueCache, Transformer, initialise


class CausalPrior(nn.Module):
    """Class token, then tokens in raster order; each position predicts the next token.

    The head is untied and starts at zero, so that the first loss is ln K.
    """

    def __init__(self, config: TransformerConfig, num_codes: int, num_tokens: int, num_classes: int) -> None:
        super().__init__()
        self.num_codes, self.num_tokens = num_codes, num_tokens
        self.classes = ClassEmbedding(num_classes, config.width)
        self.codes = nn.Embedding(num_codes, config.width)
        self.transformer = Transformer(config, num_positions=num_tokens, causal=True)
        self.head = nn.Linear(config.width, num_codes, bias=False)
        initialise(self)
        nn.init.zeros_(self.head.weight)

    def forward(self, tokens: Tensor, labels: Tensor) -> Tensor:
        """Returns logits (B, N, K): position i predicts token i. Tokens (B, N); the last one isn't looked at."""
        x = torch.cat([self.classes(labels), self.codes(tokens[:, :-1])], dim=1)
        return self.head(self.transformer(x))

    def first_logits(self, labels: Tensor, caches: list[KeyValueCache]) -> Tensor:
        """Returns logits (B, K) of the first token, and fills the caches."""
        return self.head(self.transformer(self.classes(labels), caches)[:, -1])

    def next_logits(self, token: Tensor, caches: list[KeyValueCache]) -> Tensor:
        """Returns logits (B, K) of the token after ``token`` (B,), given all before it in the caches."""
        return self.head(self.transformer(self.codes(token)[:, None], caches)[:, -1])
