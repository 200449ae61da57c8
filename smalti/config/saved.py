"""What ``config.json`` of a saved tokenizer or prior says: enough to build the network and to know where it is from."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from smalti.config.autoencoders import AutoencoderConfig, DecoderAttentionConfig
from smalti.config.codebooks import QuantizerConfig
from smalti.config.parsing import ConfigError, parse_value, unknown
from smalti.config.prior_kinds import PRIOR_KINDS

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A pretrained network that a loss or the codebook was made with."""

    stage: str
    """Stage that used it."""
    name: str
    """Name of the network, as figures quote it."""
    licence: str
    """Licence of its weights."""
    sha256: str
    """sha256 of the weights file, hex digits."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where weights come from."""

    stage: str
    """Stage that published them."""
    key: str
    """Key of its result."""
    digest: str
    """Digest of its result."""
    finished: str | None = None
    """Time of publication, ISO 8601 in UTC."""
    git: str | None = None
    """Commit of the code that made it."""
    teachers: tuple[Teacher, ...] | None = None
    """Pretrained networks behind it; null if a result that it was made from is gone or was imported, so that nobody can
    tell."""
    imported: str | None = None
    """Format and name of the released file that it was imported from; null for what smalti trained."""


@dataclass(frozen=True, kw_only=True)
class SavedTokenizer:
    """A tokenizer: what its network is built from."""

    kind: Literal["tokenizer"] = "tokenizer"
    format: Literal[1] = 1
    """Version of this file's layout."""
    autoencoder: AutoencoderConfig
    """Shape of encoder and decoder."""
    quantizer: QuantizerConfig
    """Codebook that it was trained with."""
    attention: DecoderAttentionConfig | None = None
    """Attention of the decoder (phase 2); null for none."""
    image_size: int
    """Side of the square images that it was trained on, in pixels."""
    num_codes: int
    """K of each book."""
    tokens: str
    """Digest of the phase 1 that gave the tokens their meaning; a prior over them names the same digest."""
    origin: Origin
    """Where its weights come from."""
    sha256: str | None = None
    """sha256 of ``model.safetensors`` beside this file, hex digits."""

    def __post_init__(self) -> None:
        if self.image_size < 1 or self.image_size % self.autoencoder.factor:
            raise ValueError(f"image_size {self.image_size}: a multiple of {self.autoencoder.factor} is needed")
        if self.num_codes < 1:
            raise ValueError(f"num_codes {self.num_codes}: at least 1")


@dataclass(frozen=True, kw_only=True)
class SavedPrior:
    """A prior: what its network is built from, and how it is sampled unless the caller says otherwise."""

    kind: Literal["prior"] = "prior"
    format: Literal[1] = 1
    """Version of this file's layout."""
    prior: str
    """Kind of prior: ar, nar."""
    network: Any
    """Shape of the network: the kind's ``network_config``."""
    settings: Any
    """Settings of the sampler: the kind's ``sampling_config``."""
    space: Any
    """What it is over: the kind's TokenSpace or LatentSpace."""
    grid: tuple[int, ...]
    """Rows and columns of an image's tokens."""
    class_names: tuple[str, ...] = ()
    """Names of the classes, class 0 first; empty for a prior that was trained without labels."""
    label_dropout: float
    """Share of the labels that training left out, in [0, 1]; guidance needs some."""
    tokens: str
    """Digest of the phase 1 whose tokens it was trained on."""
    origin: Origin
    """Where its weights come from."""
    sha256: str | None = None
    """sha256 of ``model.safetensors`` beside this file, hex digits."""

    def __post_init__(self) -> None:
        if len(self.grid) != 2 or min(self.grid) < 1:
            raise ValueError(f"grid {list(self.grid)}: two sides are needed")
        if not 0 <= self.label_dropout <= 1:
            raise ValueError(f"label_dropout {self.label_dropout}: a share in [0, 1]")


def parse_saved(data: object, source: str) -> SavedTokenizer | SavedPrior:
    """Returns what ``data``, a config.json or the like, says of a tokenizer or a prior; ``source`` names it in errors.

    Raises:
        ConfigError: another kind or format, an unknown or missing key, or a value that can't be right.
    """
    if not isinstance(data, Mapping) or data.get("kind") not in ("tokenizer", "prior"):
        found = repr(data.get("kind")) if isinstance(data, Mapping) else f"missing ({type(data).__name__})"
        raise ConfigError(f"{source}: kind {found}; that of a saved network is 'tokenizer' or 'prior'")
    if data.get("format") != FORMAT:
        raise ConfigError(
            f"{source}: format {data.get('format')!r}; this version of smalti reads format {FORMAT}: take the version "
            "that wrote it, or a newer one"
        )
    try:
        if data["kind"] == "tokenizer":
            return parse_value(SavedTokenizer, data, source)
        return _parse_prior(data, source)
    except (TypeError, ArithmeticError) as error:  # of a config class that computes with what it is given
        raise ConfigError(f"{source}: a value can't be right ({error})") from error


def _parse_prior(data: Mapping[str, Any], source: str) -> SavedPrior:
    saved = parse_value(SavedPrior, data, source)
    if saved.prior not in PRIOR_KINDS:
        raise ConfigError(f"{source}: {unknown('prior', saved.prior, list(PRIOR_KINDS))}")
    kind = PRIOR_KINDS[saved.prior]
    space = parse_value(kind.space, saved.space, f"{source}: space")
    for text in space.misfits(saved.grid, len(saved.class_names)):
        raise ConfigError(f"{source}: {text}")
    return dataclasses.replace(
        saved,
        network=parse_value(kind.network_config, saved.network, f"{source}: network"),
        settings=parse_value(kind.sampling_config, saved.settings, f"{source}: settings"),
        space=space,
    )
