"""Config of stage scores."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from smalti.config.features import FeatureNetworkConfig
from smalti.config.losses import LpipsConfig
from smalti.config.parsing import UNLESS_DEFAULT
from smalti.config.ranges import PositiveInt


@dataclass(frozen=True, kw_only=True)
class ScoresConfig:
    """Stage scores: reconstruction and generation, judged by a network that nothing learned from.

    A tap's channels are averaged over its positions; the Frechet distance needs at least twice as many images as
    channels, so a small val set wants a narrow tap. Over the tap pooled of kind inception it is FID.
    """

    STAGE: ClassVar[Stage] = Stage(
        name="scores", version=5, needs=("data", "tokenizer"),
        takes=("decoder", "samples", "token_shards"), resumes=False, one_process=False, curves=None,
    )  # fmt: skip
    judge: FeatureNetworkConfig
    """The frozen network whose features are compared; it must not occur in a loss or the codebook of the same run."""
    reconstruction_tap: str
    """Tap for the Frechet distance of val images to their reconstructions."""
    generation_tap: str
    """Tap for the Frechet distance of samples to real images."""
    classifier_tap: str = "pooled"
    """Tap on which the class judge, a logistic regression, is fitted."""
    reference: Literal["train", "val", "all"] = field(default="train", metadata={"hash": UNLESS_DEFAULT})
    """Real images that samples are compared with: those of train (ADM, ImageNet), of val, or both (VQGAN-LC, FFHQ)."""
    reference_images: PositiveInt | None = None
    """How many of them, a seeded choice; null: all."""
    manifold_images: PositiveInt = 10_000
    """How many of them give precision, recall, density and coverage, at most, a seeded choice (ADM: 10,000); of the
    samples all do."""
    classifier_images: PositiveInt = 20_000
    """Train images that the class judge is fitted to, at most, a seeded choice; never val images, on which its own
    agreement is measured."""
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
