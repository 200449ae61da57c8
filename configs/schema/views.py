"""Config of stage views."""

from dataclasses import dataclass, field
from typing import ClassVar

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from smalti.config.ranges import AnyInt, NonNegativeInt, PositiveInt


@dataclass(frozen=True, kw_only=True)
class TokenViewerConfig:
    """The token viewer of the report, all of whose pictures are made beforehand."""

    reconstructions: NonNegativeInt = 4
    """Val images whose tokens can be looked at."""
    samples: NonNegativeInt = 2
    """Samples of each prior whose tokens can be looked at."""
    neighbours: PositiveInt = 4
    """Nearest codes that a token can be changed to, fewer where a book has fewer others."""
    patches: PositiveInt = 4
    """Patches of train images that are shown of a code, each from another image."""
    patch_images: PositiveInt = 1000
    """Train images, at most, among which the patches are looked for."""


@dataclass(frozen=True, kw_only=True)
class ViewsConfig:
    """Stage views: pictures of what tokens and codes mean, as the papers show them."""

    STAGE: ClassVar[Stage] = Stage(
        name="views", version=1, needs=("data", "tokenizer"),
        takes=("decoder", "token_shards", "ar_prior", "samples"), resumes=False, one_process=False, curves=None,
    )  # fmt: skip
    num_images: PositiveInt = 8
    """Val images of a sheet."""
    ranks: tuple[PositiveInt, ...] = (1, 50, 100, 1000)
    """Each n for which tokens are replaced by their n-th nearest code (VQGAN-LC Figure 5: 1, 50, 100, 1,000); those
    beyond the size of the codebook are left out, and the sheet says so."""
    measured_images: PositiveInt = 200
    """Val images over which PSNR, and the share of tokens that the AR prior ranks first, are averaged, at most."""
    points: PositiveInt = 2000
    """Codes, or images, on a t-SNE map, at most, a seeded choice."""
    classes: PositiveInt = 10
    """Classes on a t-SNE map of images, at most, the first ones."""
    seed: AnyInt = 0
    """Seed of t-SNE and of the choices."""
    viewer: TokenViewerConfig = field(default_factory=TokenViewerConfig)
    """The token viewer."""
    batch_size: PositiveInt = field(default=64, metadata=RUNTIME)
    """Images at once."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""
