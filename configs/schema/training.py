"""How networks are trained, as data."""

from dataclasses import dataclass, field
from typing import Literal

from configs.schema.runtime import RUNTIME


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """Adam or AdamW (``weight_decay`` above 0 decays matrices only, decoupled) and its learning rate schedule.

    ``lr`` rises linearly over ``warmup`` updates, stays until ``decay_start``, and goes to ``end_lr`` at the last
    update along ``decay``.
    """

    lr: float
    betas: tuple[float, ...] = (0.9, 0.99)
    weight_decay: float = 0.0
    warmup: int = 0
    decay: Literal["none", "cosine", "linear", "exponential"] = "none"
    decay_start: int = 0
    end_lr: float = 0.0
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas {self.betas}: two numbers in [0, 1)")
        if self.decay == "exponential" and self.end_lr <= 0:
            raise ValueError(f"end_lr {self.end_lr}: exponential decay needs an end above 0")


@dataclass(frozen=True, kw_only=True)
class LoadingConfig:
    """What a training image looks like, and how many unreadable ones are tolerated.

    ``min_scale`` is the smallest share of the image's shorter side that a random square crop covers; 1 is the ADM
    centre crop.
    """

    min_scale: float = 1.0
    flip: bool = True
    max_unreadable: float = 0.001  # share of the images seen, above which the stage stops with their list

    def __post_init__(self) -> None:
        if not 0 < self.min_scale <= 1:
            raise ValueError(f"min_scale {self.min_scale}: a share in (0, 1]")


@dataclass(frozen=True, kw_only=True)
class GanConfig:
    """Adversarial training. The discriminator learns from update ``discriminator_start``; the generator feels it from
    ``generator_start`` on, with a weight that rises to ``weight`` over ``ramp`` updates.

    ``adaptive`` multiplies the weight by |grad L_rec| / |grad L_gan| at the decoder's last layer (VQGAN eq. 7),
    at most ``adaptive_ceiling``.
    """

    loss: Literal["hinge", "non_saturating"] = "non_saturating"
    weight: float = 0.1
    adaptive: bool = False
    adaptive_ceiling: float = 10.0
    discriminator_start: int = 0
    generator_start: int = 0
    ramp: int = 0
    r1_weight: float = 0.0  # gamma of StyleGAN2; the penalty is gamma/2 |grad D|^2
    r1_every: int = 16  # lazy: applied every so many updates, with its weight multiplied by that number

    def __post_init__(self) -> None:
        if self.generator_start < self.discriminator_start:
            raise ValueError(
                f"generator_start {self.generator_start} lies before discriminator_start {self.discriminator_start}: "
                "the generator would learn from an untrained discriminator"
            )


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Length and rhythm of a training. ``batch_size`` is global: over all devices and ``accumulation`` steps.

    Accumulation changes what is learned wherever a loss or a codebook looks at a whole batch (entropies of means,
    negatives, moving averages), so it is part of a result's key.
    """

    updates: int
    batch_size: int
    accumulation: int = 1
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    ema_decay: float = 0.999
    seed: int = 0
    validate_every: int = field(default=1000, metadata=RUNTIME)  # updates


def per_device_batch(global_batch: int, accumulation: int, world_size: int) -> int:
    """Returns the batch of one device in one accumulation step.

    Raises:
        ValueError: the global batch doesn't divide.

    >>> per_device_batch(256, 2, 8)
    16
    """
    parts = accumulation * world_size
    if global_batch % parts:
        raise ValueError(
            f"training.batch_size {global_batch} is global and doesn't divide by {world_size} devices x "
            f"{accumulation} accumulation steps; choose a multiple of {parts}"
        )
    return global_batch // parts
