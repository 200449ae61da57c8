"""Config of stage token_shards."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage


@dataclass(frozen=True, kw_only=True)
class TokenShardsConfig:
    """Stage token_shards: the tokens of every image, once for each view.

    Views are the ``crops`` of the image's centred square of ``resize_range`` times the image size, and their mirror
    images with ``flip``. LlamaGen's ten crops: all five, range 1.1, flip.
    """

    STAGE: ClassVar[Stage] = Stage(
        name="token_shards", version=2, needs=("data", "tokenizer"),
        takes=(), resumes=True, one_process=False, curves=None,
    )  # fmt: skip
    crops: tuple[Literal["centre", "top_left", "top_right", "bottom_left", "bottom_right"], ...] = ("centre",)
    resize_range: float = 1.0
    flip: bool = True
    rows_per_shard: int = 65_536
    batch_size: int = field(default=64, metadata=RUNTIME)
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    max_unreadable: float = 0.001
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)

    def __post_init__(self) -> None:
        if self.resize_range < 1:
            raise ValueError(f"resize_range {self.resize_range}: at least 1")
        if self.resize_range == 1 and self.crops != ("centre",):
            raise ValueError(f"crops {', '.join(self.crops)}: the same at resize_range 1; take 1.1, or centre alone")

    @property
    def num_views(self) -> int:
        return len(self.crops) * (2 if self.flip else 1)
