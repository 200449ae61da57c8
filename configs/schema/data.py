"""Config of stage data."""

from dataclasses import dataclass, field
from typing import ClassVar

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.sources import SourceConfig


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Stage data: the index of a data set. A source without train and val of its own is split once, by seed."""

    VERSION: ClassVar[int] = 1
    source: SourceConfig
    """Where the images lie."""
    image_size: int
    """Side in pixels of the square that every image is resized and cropped to."""
    num_classes: int | None = None
    """Classes that the source should hold, 0 for no labels; null: whatever is there."""
    val_fraction: float = 0.05
    """Share of the images that go to val."""
    group: str | None = None
    """Regular expression on an image's name whose first group names what stays together in train or in val."""
    max_images: int | None = None
    """Images to use, for trials: a seeded choice in which train and val keep their shares; null: all."""
    seed: int = 0
    """Of the split, and of the choice of images."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""

    def __post_init__(self) -> None:
        if not 0 < self.val_fraction < 1:
            raise ValueError(f"val_fraction {self.val_fraction}: a share in (0, 1)")
        if self.max_images is not None and self.max_images < 2:
            raise ValueError(f"max_images {self.max_images}: at least one for train and one for val")
