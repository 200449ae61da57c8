"""What every prior over tokens has."""

from typing import ClassVar

from torch import Tensor, nn

from smalti.priors.condition import ClassEmbedding
from smalti.priors.outputs import OutputLayers


class TokenPrior(nn.Module):
    """A network over tokens (B, k, N), whatever the number k of books.

    It predicts s sub-tokens at each position: the tokens of the k books, or more where a token is split.
    """

    entries: ClassVar[tuple[str, ...]] = ("features",)
    """Methods beside ``forward`` that are called from outside and read weights: FSDP gathers them before."""

    num_books: int
    num_codes: int
    num_tokens: int
    classes: ClassEmbedding
    outputs: OutputLayers

    @property
    def num_sub_tokens(self) -> int:
        """s."""
        return self.num_books

    def sub_tokens(self, tokens: Tensor) -> Tensor:
        """Returns the numbers (B, s, N) that are predicted, for tokens (B, k, N)."""
        return tokens

    def compiled_parts(self) -> list[nn.Module]:
        """Returns what ``torch.compile`` compiles: parts that ``features`` calls as modules, none by default."""
        return []

    def features(self, tokens: Tensor, labels: Tensor) -> Tensor:
        """Returns (B, s, N, C): what the output layers read, for tokens (B, k, N) and labels (B,)."""
        raise NotImplementedError

    def forward(self, tokens: Tensor, labels: Tensor) -> Tensor:
        """Returns logits (B, s, N, K) for tokens (B, k, N) and labels (B,), minus infinity for codes that a smaller
        sub-token doesn't have."""
        return self.outputs(self.features(tokens, labels))
