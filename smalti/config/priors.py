"""Shapes of priors, as data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from smalti.config.parsing import UNLESS_DEFAULT
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


def split_misfits(bits: Sequence[int], num_books: int, num_codes: int | None) -> Iterator[str]:
    """Yields what keeps tokens of so many books and codes (None: not known yet) from being split into ``bits``.

    >>> list(split_misfits([6, 12], 1, 2**18)), list(split_misfits([6, 6], 1, 2**18))
    ([], ['split [6, 6]: 2^12 codes, the tokenizer has 262144; give bits that add up to 18'])
    """
    if num_books > 1:
        yield f"split {list(bits)}: the tokenizer has {num_books} books, which are sub-tokens already; leave it out"
    elif num_codes is not None and 2 ** sum(bits) != num_codes:
        exact = not num_codes & (num_codes - 1)
        remedy = f"give bits that add up to {num_codes.bit_length() - 1}" if exact else "no power of two: leave it out"
        yield f"split {list(bits)}: 2^{sum(bits)} codes, the tokenizer has {num_codes}; {remedy}"


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

    def num_sub_tokens(self, num_books: int) -> int:
        """Returns how many numbers are predicted at a position, one after another, for ``num_books`` books."""
        return num_books

    def misfits(self, num_books: int, num_codes: int | None) -> Iterator[str]:
        """Yields what doesn't fit a tokenizer of ``num_books`` books of ``num_codes`` codes, each with its remedy; None
        where the number of codes isn't known yet."""
        yield from ()


@dataclass(frozen=True, kw_only=True)
class TokenPriorNetworkConfig(PriorNetworkConfig):
    """A transformer over tokens."""

    transformer: BackboneConfig
    """Its backbone: attention is causal in the AR prior, full in the NAR prior."""
    embedding: Literal["sum", "concat"] = "sum"
    """How the rows of a position's sub-tokens become one: summed (FQGAN's counts), or concatenated and mapped back
    (FQGAN's code). One book needs ``sum``."""

    def misfits(self, num_books: int, num_codes: int | None) -> Iterator[str]:
        if self.embedding == "concat" and self.num_sub_tokens(num_books) == 1:
            yield "embedding 'concat': the tokenizer has one book; give embedding sum"


@dataclass(frozen=True, kw_only=True)
class ArPriorNetworkConfig(TokenPriorNetworkConfig):
    """Autoregressive prior."""

    head: SubTokenHeadConfig = field(default_factory=SubTokenHeadConfig)
    """From a position's feature to its sub-tokens."""
    split: tuple[PositiveInt, ...] = field(default=(), metadata={"hash": UNLESS_DEFAULT})
    """Bits of the sub-tokens that each token of one book is predicted as, the highest bits first; they add up to log2 K
    (Open-MAGVIT2: 6 and 12 of 18). Embeddings, heads and guidance are then a sub-token's, as otherwise a book's; shards
    and decoder know whole tokens. Empty: whole tokens."""

    def __post_init__(self) -> None:
        if len(self.split) == 1:
            raise ValueError(f"split {list(self.split)}: give the bits of at least two sub-tokens, or leave it out")

    def num_sub_tokens(self, num_books: int) -> int:
        return len(self.split) or num_books

    def misfits(self, num_books: int, num_codes: int | None) -> Iterator[str]:
        yield from super().misfits(num_books, num_codes)
        if self.split:
            yield from split_misfits(self.split, num_books, num_codes)
        if self.head.kind != "linear" and self.num_sub_tokens(num_books) == 1:
            yield f"head.kind {self.head.kind!r}: the tokenizer has one book; only head linear fits it"
        if self.head.kind == "ar" and not isinstance(self.transformer, LlamaConfig):
            yield "head.kind 'ar' is made of llama blocks; give transformer kind llama"


@dataclass(frozen=True, kw_only=True)
class NarPriorNetworkConfig(TokenPriorNetworkConfig):
    """Masked prior."""
