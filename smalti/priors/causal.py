"""Autoregressive prior: p(s) = prod_i p(s_i | s_<i, class) (SeQ-GAN section 3.1; FQGAN section 3.4)."""

import torch
from torch import Tensor, nn

from smalti.config.priors import ArPriorNetworkConfig
from smalti.layers.transformer import KeyValueCache, initialise
from smalti.priors.backbone import Backbone, build_backbone
from smalti.priors.condition import ClassEmbedding
from smalti.priors.embedding import EMBEDDINGS
from smalti.priors.heads import build_heads
from smalti.priors.outputs import OutputLayers
from smalti.priors.prior import TokenPrior
from smalti.priors.sub_tokens import sub_tokens_of


class CausalPrior(TokenPrior):
    """Class token, then positions in raster order; each predicts the s sub-tokens of the next position.

    Tokens are (B, k, N); sub-tokens (B, s, N) are the same, unless the config splits the tokens of one book. With one
    sub-token and the linear head this is a GPT. Output layers are untied, one a sub-token, and start at zero, so that
    the first loss is ln K.
    """

    transformer: Backbone
    entries = ("features", "start", "advance", "sub_logits")

    def __init__(
        self, config: ArPriorNetworkConfig, num_books: int, num_codes: int, num_tokens: int, num_classes: int
    ) -> None:
        super().__init__()
        self.num_books, self.num_codes, self.num_tokens = num_books, num_codes, num_tokens
        width = config.transformer.width
        self.classes = ClassEmbedding(num_classes, width)
        self.division = sub_tokens_of(config, num_books, num_codes)
        self.codes = EMBEDDINGS[config.embedding](self.division.num_codes, width)
        self.transformer = build_backbone(config.transformer, num_tokens, num_tokens, causal=True)
        self.heads = build_heads(config.head, config.transformer, self.num_sub_tokens)
        self.outputs = OutputLayers(self.division.num_codes, width)
        initialise(self)
        self.outputs.reset()

    @property
    def num_sub_tokens(self) -> int:
        return len(self.division.num_codes)

    def sub_tokens(self, tokens: Tensor) -> Tensor:
        return self.division.split(tokens)

    def compiled_parts(self) -> list[nn.Module]:
        return [self.transformer]

    def features(self, tokens: Tensor, labels: Tensor) -> Tensor:
        """Returns (B, s, N, C): what the output layers read, each sub-token from all before it."""
        rows = self.codes.each(self.sub_tokens(tokens))
        x = torch.cat([self.classes(labels), self.codes.join(rows[:, :, :-1])], dim=1)
        flat = self.transformer(x).flatten(0, 1)
        found = self.heads(flat, rows.movedim(1, 2).flatten(0, 1))
        return found.unflatten(0, (len(tokens), self.num_tokens)).movedim(2, 1)

    def start(self, labels: Tensor, caches: list[KeyValueCache]) -> Tensor:
        """Returns the backbone's output (B, C) for the first position, and fills the backbone's caches."""
        return self.transformer(self.classes(labels), caches)[:, -1]

    def advance(self, sub_tokens: Tensor, caches: list[KeyValueCache]) -> Tensor:
        """Returns the backbone's output (B, C) for the position after ``sub_tokens`` (B, s), given all before in the
        caches."""
        return self.transformer(self.codes(sub_tokens[:, :, None]), caches)[:, -1]

    def sub_logits(self, book: int, feature: Tensor, previous: Tensor | None, caches: list[KeyValueCache]) -> Tensor:
        """Returns logits (B, K) of sub-token ``book`` of a position, from the backbone's output (B, C) for it;
        ``previous`` (B,) is the sub-token before it."""
        rows = None if previous is None else self.codes.book(book - 1, previous)
        return self.outputs.book(book, self.heads.step(book, feature, rows, caches))
