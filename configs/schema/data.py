"""Config of stage data."""

from dataclasses import dataclass, field
from typing import ClassVar

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.sources import SourceConfig
from configs.schema.stage import Stage


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Stage data: the index of a data set.

    A source without train and val of its own is split once: ``val_fraction`` of the images, seeded; ``group`` is a
    regular expression whose first group names what must stay on one side.
    """

    STAGE: ClassVar[Stage] = Stage(
        name="data",
        version=1,
        needs=(),
        takes=(),
        resumes=False,
        one_process=True,
        curves=None,
    )
    source: SourceConfig
    image_size: int
    num_classes: int | None = None  # what the source should hold, 0 for no labels; null takes what is there
    val_fraction: float = 0.05
    group: str | None = None
    max_images: int | None = None  # a seeded choice of so many, for trials; train and val keep their shares
    seed: int = 0
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)

    def __post_init__(self) -> None:
        if not 0 < self.val_fraction < 1:
            raise ValueError(f"val_fraction {self.val_fraction}: a share in (0, 1)")
        if self.max_images is not None and self.max_images < 2:
            raise ValueError(f"max_images {self.max_images}: at least one for train and one for val")
