"""What the configs of the stages that encode a data set have in common: views of its images, and files of rows."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from smalti.config.ranges import PositiveInt, Range


@dataclass(frozen=True, kw_only=True)
class ShardsConfig:
    """A row for every image, with each of its views."""

    STAGE: ClassVar[Stage]
    crops: tuple[Literal["centre", "top_left", "top_right", "bottom_left", "bottom_right", "random"], ...] = ("centre",)
    """Squares of the image's size, a view each: centre and corners of a larger centred square; random, as often as it's
    given: each time elsewhere in the whole image, at the same scale."""
    resize_range: Annotated[float, Range(at_least=1)] = 1.0
    """Side of that larger square as a multiple of the image's size; at 1 centre and corners are the same."""
    flip: bool = True
    """Whether each crop's mirror image is a view too."""
    rows_per_shard: PositiveInt = 65_536
    """Images in a file."""
    batch_size: PositiveInt = field(default=64, metadata=RUNTIME)
    """Images at once on each device, each with all its views."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """bf16-mixed encodes in bfloat16; the codebook search stays in float32."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""

    def __post_init__(self) -> None:
        fixed = [name for name in self.crops if name != "random"]
        if self.resize_range == 1 and fixed not in ([], ["centre"]):
            raise ValueError(f"crops {', '.join(fixed)}: the same at resize_range 1; take 1.1, or centre alone")

    @property
    def num_views(self) -> int:
        """V, views of an image."""
        return len(self.crops) * (2 if self.flip else 1)
