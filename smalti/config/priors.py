"""Shapes of priors, as data."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """The GPT under the priors of SeQ-GAN (Table 8) and VQGAN-LC: pre-norm, learned positions, GELU."""

    kind: Literal["gpt"] = "gpt"
    num_layers: int = 24
    num_heads: int = 16
    width: int = 768
    mlp_width: int = 3072
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.width % self.num_heads:
            raise ValueError(f"width {self.width} must be a multiple of num_heads {self.num_heads}")


@dataclass(frozen=True, kw_only=True)
class LlamaConfig:
    """LlamaGen's backbone: RMSNorm, SwiGLU, 2-D rotary positions. ``mlp_width`` is 8/3 of the width, rounded up to a
    multiple of 256. The default is FAR-Base's."""

    kind: Literal["llama"] = "llama"
    num_layers: int = 24
    num_heads: int = 16
    width: int = 1024
    mlp_width: int = 2816
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.width % (4 * self.num_heads):
            raise ValueError(
                f"width {self.width} must be a multiple of 4 x num_heads {self.num_heads}: rotary positions"
            )


BackboneConfig = TransformerConfig | LlamaConfig


@dataclass(frozen=True, kw_only=True)
class SubTokenHeadConfig:
    """How the k sub-tokens of a position are predicted: k linear or MLP classifiers, or FQGAN's AR head of
    ``num_layers`` blocks (FAR-Base 3, FAR-Large 4). One book needs the linear one."""

    kind: Literal["linear", "mlp", "ar"] = "linear"
    num_layers: int = 3


@dataclass(frozen=True, kw_only=True)
class PriorNetworkConfig:
    """What the shapes of all priors have in common."""

    def misfits(self, num_books: int) -> Iterator[str]:
        """Yields what doesn't fit a tokenizer of ``num_books`` books, each with its remedy."""
        yield from ()


@dataclass(frozen=True, kw_only=True)
class TokenPriorNetworkConfig(PriorNetworkConfig):
    """A transformer over tokens. ``embedding``: sub-tokens of a position summed, or concatenated and mapped back."""

    transformer: BackboneConfig
    embedding: Literal["sum", "concat"] = "sum"


@dataclass(frozen=True, kw_only=True)
class ArPriorNetworkConfig(TokenPriorNetworkConfig):
    """Autoregressive prior."""

    head: SubTokenHeadConfig = field(default_factory=SubTokenHeadConfig)

    def misfits(self, num_books: int) -> Iterator[str]:
        if self.head.kind != "linear" and num_books == 1:
            yield f"head.kind {self.head.kind!r}: the tokenizer has one book; only head linear fits it"
        if self.head.kind == "ar" and not isinstance(self.transformer, LlamaConfig):
            yield "head.kind 'ar' is made of llama blocks; give transformer kind llama"


@dataclass(frozen=True, kw_only=True)
class NarPriorNetworkConfig(TokenPriorNetworkConfig):
    """Masked prior."""
