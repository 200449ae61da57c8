"""Shapes of priors, as data."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from smalti.config.ranges import Decay, PositiveInt


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """The GPT under the priors of SeQ-GAN (Table 8) and VQGAN-LC: pre-norm, learned positions, GELU."""

    kind: Literal["gpt"] = "gpt"
    num_layers: PositiveInt = 24
    """Blocks (SeQ-GAN Table 8: 24)."""
    num_heads: PositiveInt = 16
    """Attention heads (SeQ-GAN Table 8: 16); they divide ``width``."""
    width: PositiveInt = 768
    """Channels of a position (SeQ-GAN Table 8: 768; 1,024 for its large one)."""
    mlp_width: PositiveInt = 3072
    """Channels inside each MLP; usually 4 times ``width``."""
    dropout: Decay = 0.1
    """Dropout of embeddings, attention and residual branches."""

    def __post_init__(self) -> None:
        if self.width % self.num_heads:
            raise ValueError(f"width {self.width} must be a multiple of num_heads {self.num_heads}")


@dataclass(frozen=True, kw_only=True)
class LlamaConfig:
    """LlamaGen's backbone: RMSNorm, SwiGLU, 2-D rotary positions, zero for the condition as released. The default is
    FAR-Base's."""

    kind: Literal["llama"] = "llama"
    num_layers: PositiveInt = 24
    """Blocks."""
    num_heads: PositiveInt = 16
    """Attention heads; 4 times their number divides ``width``."""
    width: PositiveInt = 1024
    """Channels of a position."""
    mlp_width: PositiveInt = 2816
    """Channels inside each SwiGLU; LlamaGen's are 8/3 of ``width``, rounded up to a multiple of 256."""
    dropout: Decay = 0.1
    """Dropout of embeddings and residual branches."""

    def __post_init__(self) -> None:
        if self.width % (4 * self.num_heads):
            raise ValueError(
                f"width {self.width} must be a multiple of 4 x num_heads {self.num_heads}: rotary positions"
            )


BackboneConfig = TransformerConfig | LlamaConfig


@dataclass(frozen=True, kw_only=True)
class SubTokenHeadConfig:
    """How the k sub-tokens of a position are predicted (FQGAN section 3.4 and Table 4)."""

    kind: Literal["linear", "mlp", "ar"] = "linear"
    """k linear or MLP classifiers, or FQGAN's AR head, which needs the llama backbone; one book needs linear."""
    num_layers: PositiveInt = 3
    """Blocks of the AR head (FAR-Base: 3; FAR-Large: 4)."""


@dataclass(frozen=True, kw_only=True)
class PriorNetworkConfig:
    """What the shapes of all priors have in common."""

    def misfits(self, num_books: int) -> Iterator[str]:
        """Yields what doesn't fit a tokenizer of ``num_books`` books, each with its remedy."""
        yield from ()


@dataclass(frozen=True, kw_only=True)
class TokenPriorNetworkConfig(PriorNetworkConfig):
    """A transformer over tokens."""

    transformer: BackboneConfig
    """Its backbone: attention is causal in the AR prior, full in the NAR prior."""
    embedding: Literal["sum", "concat"] = "sum"
    """How the rows of a position's sub-tokens become one: summed (FQGAN's counts), or concatenated and mapped back
    (FQGAN's code). One book needs ``sum``."""

    def misfits(self, num_books: int) -> Iterator[str]:
        if self.embedding == "concat" and num_books == 1:
            yield "embedding 'concat': the tokenizer has one book; give embedding sum"


@dataclass(frozen=True, kw_only=True)
class ArPriorNetworkConfig(TokenPriorNetworkConfig):
    """Autoregressive prior."""

    head: SubTokenHeadConfig = field(default_factory=SubTokenHeadConfig)
    """From a position's feature to its sub-tokens."""

    def misfits(self, num_books: int) -> Iterator[str]:
        yield from super().misfits(num_books)
        if self.head.kind != "linear" and num_books == 1:
            yield f"head.kind {self.head.kind!r}: the tokenizer has one book; only head linear fits it"
        if self.head.kind == "ar" and not isinstance(self.transformer, LlamaConfig):
            yield "head.kind 'ar' is made of llama blocks; give transformer kind llama"


@dataclass(frozen=True, kw_only=True)
class NarPriorNetworkConfig(TokenPriorNetworkConfig):
    """Masked prior."""
