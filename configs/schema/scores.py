"""Config of stage scores."""

from dataclasses import dataclass, field
from typing import ClassVar

from configs.schema.generation import GenerationConfig
from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from smalti.config.losses import LpipsConfig
from smalti.config.ranges import PositiveInt


@dataclass(frozen=True, kw_only=True)
class ScoresConfig(GenerationConfig):
    """Stage scores: reconstruction and generation, judged by a network that nothing learned from.

    A tap's channels are averaged over its positions; the Frechet distance needs at least twice as many images as
    channels, so a small val set wants a narrow tap. Over the tap pooled of kind inception it is FID.
    """

    STAGE: ClassVar[Stage] = Stage(
        name="scores", version=5, needs=("data", "tokenizer"),
        takes=("decoder", "samples", "token_shards"), resumes=False, one_process=False, curves=None,
    )  # fmt: skip
    reconstruction_tap: str
    """Tap for the Frechet distance of val images to their reconstructions."""
    manifold_images: PositiveInt = 10_000
    """How many of the real images give precision, recall, density and coverage, at most, a seeded choice (ADM: 10,000);
    of the samples all do."""
    num_pictures: PositiveInt = 16
    """Val images that the report shows with their reconstructions."""
    lpips: tuple[LpipsConfig, ...] = ()
    """LPIPS of the reconstructions, one for each backbone that is listed, which mustn't be that of an LPIPS in a loss
    of the same run; of none, LPIPS is absent from the scores."""
    batch_size: PositiveInt = field(default=64, metadata=RUNTIME)
    """Images at once on each device."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""

    def __post_init__(self) -> None:
        backbones = [lpips.backbone for lpips in self.lpips]
        if twice := [name for name in dict.fromkeys(backbones) if backbones.count(name) > 1]:
            raise ValueError(f"lpips: backbone {twice[0]!r} stands twice; list each once")
