"""What ``config.json`` of a saved tokenizer or prior says: enough to build the network and to know where it is from."""

from dataclasses import dataclass
from typing import Any, Literal

from smalti.config.autoencoders import AutoencoderConfig, DecoderAttentionConfig
from smalti.config.codebooks import QuantizerConfig
from smalti.config.prior_kinds import TokenSpace


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A pretrained network that a loss, or the codebook, was made with."""

    stage: str
    """The stage that used it."""
    name: str
    """The network, as figures quote it."""
    licence: str
    """Licence of its weights."""
    sha256: str
    """Of the weights file."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where weights come from."""

    stage: str
    """The stage that published them."""
    key: str
    """Key of its result."""
    digest: str
    """Digest of its result."""
    finished: str | None = None
    """When it was published, ISO 8601 in UTC."""
    git: str | None = None
    """Commit of the code that made it."""
    teachers: tuple[Teacher, ...] | None = None
    """Pretrained networks behind it; null where a result that it was made from is gone, so that nobody can tell."""


@dataclass(frozen=True, kw_only=True)
class SavedTokenizer:
    """A tokenizer: what its network is built from."""

    kind: Literal["tokenizer"] = "tokenizer"
    format: Literal[1] = 1
    """Of this file; a reader refuses one that it doesn't know."""
    autoencoder: AutoencoderConfig
    quantizer: QuantizerConfig
    attention: DecoderAttentionConfig | None = None
    """Attention of the decoder; null for none."""
    image_size: int
    """Pixels, of a side of the square images that it was trained on."""
    num_codes: int
    """K of each book."""
    tokens: str
    """Digest of the phase 1 that gave the tokens their meaning: a prior on them names the same."""
    origin: Origin
    sha256: str | None = None
    """Of ``model.safetensors`` beside this file."""


@dataclass(frozen=True, kw_only=True)
class SavedPrior:
    """A prior: what its network is built from, and how it is sampled where the caller says nothing else."""

    kind: Literal["prior"] = "prior"
    format: Literal[1] = 1
    """Of this file; a reader refuses one that it doesn't know."""
    prior: str
    """The kind of prior: ar, nar."""
    network: Any
    """Its shape, of the kind's ``network_config``."""
    settings: Any
    """Of its sampler, of the kind's ``sampling_config``."""
    space: TokenSpace
    grid: tuple[int, ...]
    """Rows and columns of an image's tokens."""
    class_names: tuple[str, ...] = ()
    """Class 0 first; none of a prior that was trained without labels."""
    label_dropout: float
    """Share of the labels that training left out; guidance needs some."""
    tokens: str
    """Digest of the phase 1 whose tokens it was trained on."""
    origin: Origin
    sha256: str | None = None
    """Of ``model.safetensors`` beside this file."""
