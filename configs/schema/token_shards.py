"""Config of stage token_shards."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from smalti.config.ranges import PositiveInt, Range, Share


@dataclass(frozen=True, kw_only=True)
class TokenShardsConfig:
    """Stage token_shards: the tokens of every image, once for each view.

    LlamaGen's ten crops are centre and the four corners, ``resize_range`` 1.1 and ``flip``. Where a released prior sees
    a crop of the whole shorter side that is drawn anew at every update (VQGAN, Open-MAGVIT2), ``random`` several times
    comes close.
    """

    STAGE: ClassVar[Stage] = Stage(
        name="token_shards", version=2, needs=("data", "tokenizer"),
        takes=(), resumes=True, one_process=False, curves=None,
    )  # fmt: skip
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
    max_unreadable: Share = 0.001
    """Share of unreadable images above which the stage stops with their list."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""

    def __post_init__(self) -> None:
        fixed = [name for name in self.crops if name != "random"]
        if self.resize_range == 1 and fixed not in ([], ["centre"]):
            raise ValueError(f"crops {', '.join(fixed)}: the same at resize_range 1; take 1.1, or centre alone")

    @property
    def num_views(self) -> int:
        return len(self.crops) * (2 if self.flip else 1)
