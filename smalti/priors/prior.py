"""What every prior over tokens has."""

from torch import Tensor, nn

from smalti.priors.condition import ClassEmbedding
from smalti.priors.outputs import OutputLayers


class TokenPrior(nn.Module):
    """A network over tokens (B, k, N), whatever the number k of books."""

    num_books: int
    num_codes: int
    num_tokens: int
    classes: ClassEmbedding
    outputs: OutputLayers

    def compiled_parts(self) -> list[nn.Module]:
        """Returns what ``torch.compile`` compiles: parts that ``features`` calls as modules, none by default."""
        return []

    def features(self, tokens: Tensor, labels: Tensor) -> Tensor:
        """Returns (B, k, N, C): what the output layers read, for tokens (B, k, N) and labels (B,)."""
        raise NotImplementedError

    def forward(self, tokens: Tensor, labels: Tensor) -> Tensor:
        """Returns logits (B, k, N, K) for tokens (B, k, N) and labels (B,)."""
        return self.outputs(self.features(tokens, labels))
