"""Config of stage classifier."""

from dataclasses import dataclass, field
from typing import ClassVar

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from configs.schema.training import OptimizerConfig, TrainingConfig
from smalti.config.classifier import CodeVitConfig
from smalti.config.ranges import NonNegativeFloat, PositiveInt, PositiveShare, Share


@dataclass(frozen=True, kw_only=True)
class LayerDecayOptimizerConfig(OptimizerConfig):
    """AdamW whose learning rate falls from the output layer to the input, as fine-tuning has it."""

    layer_decay: PositiveShare = 0.65
    """Learning rate of a layer as a share of the next one's: norm and output layer have ``lr``, ViT-B's patch embedding
    0.65^13 of it (MAE's fine-tuning: 0.65; from scratch: 1)."""


@dataclass(frozen=True, kw_only=True)
class ProbeConfig:
    """The linear probe beside the classifier: logistic regression on code vectors, averaged over parts of the grid."""

    cells: PositiveInt = 4
    """Parts in each direction: features are D x cells x cells."""
    max_images: PositiveInt = 100_000
    """Train images that it is fitted to, drawn by ``training.seed`` where there are more."""


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """Stage classifier: an image's class, told from its tokens (VQGAN-LC section 4.1)."""

    STAGE: ClassVar[Stage] = Stage(
        name="classifier", version=1, needs=("token_shards", "tokenizer"),
        takes=(), resumes=True, one_process=False, curves="Classifier",
    )  # fmt: skip
    network: CodeVitConfig
    """The network that is trained."""
    training: TrainingConfig
    """Length and rhythm of the training."""
    optimizer: LayerDecayOptimizerConfig
    """Optimizer of the classifier."""
    label_smoothing: Share = 0.1
    """Share of a target's probability that is spread over all classes (MAE's fine-tuning: 0.1)."""
    mixup: NonNegativeFloat = 0.8
    """a of the Beta(a, a) by which each image's share of a blend with another one is drawn; 0: images stay apart (MAE's
    fine-tuning: 0.8, on pixels, the same share for a whole batch)."""
    probe: ProbeConfig = field(default_factory=ProbeConfig)
    """The linear probe that the classifier is compared with."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""
