"""Config of stage data."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.sources import SourceConfig, SplitByList
from configs.schema.stage import Stage
from smalti.config.parsing import UNLESS_DEFAULT
from smalti.config.ranges import AnyInt, NonNegativeInt, PositiveInt, Range, Share


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Stage data: the index of a data set.

    A source without train and val of its own is split once: by its val list, or by seed.
    """

    STAGE: ClassVar[Stage] = Stage(
        name="data",
        version=2,
        needs=(),
        takes=(),
        resumes=False,
        one_process=True,
        curves=None,
    )
    source: SourceConfig
    """Where the images lie."""
    image_size: PositiveInt
    """Side in pixels of the square that every image is resized and cropped to."""
    num_classes: NonNegativeInt | None = None
    """Classes that the source should hold, 0 for no labels; null: whatever is there."""
    upright: bool = field(default=False, metadata={"hash": UNLESS_DEFAULT})
    """Whether images are turned as their EXIF orientation says: yes for one's own photographs, no for ImageNet."""
    val_fraction: Annotated[float, Range(above=0, below=1)] = 0.05
    """Share of the images that go to val where the source doesn't say which."""
    group: str | None = None
    """Regular expression on an image's name whose first group names what stays together in train or in val."""
    max_images: Annotated[int, Range(at_least=2)] | None = None
    """Images to use, for trials: a seeded choice in which train and val keep their shares; null: all."""
    seed: AnyInt = 0
    """Seed of the split and of the choice of images."""
    max_unreadable: Share = field(default=0.001, metadata={"hash": UNLESS_DEFAULT})
    """Share of unreadable images above which a stage stops with their list; as many are left out, or replaced in a
    training. Another share builds the index anew, and nothing behind it."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""

    def __post_init__(self) -> None:
        if self.group is not None and isinstance(self.source, SplitByList) and self.source.val_list is not None:
            raise ValueError(f"group {self.group!r}: source.val_list says already which images are val; take one out")
