"""How networks are trained, as data."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from configs.schema.runtime import RUNTIME
from smalti.config.parsing import UNLESS_DEFAULT
from smalti.config.ranges import (
    Decay,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    PositiveShare,
    Range,
)


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW, which without ``weight_decay`` is Adam, and its learning rate schedule."""

    lr: PositiveFloat
    """Learning rate between warm-up and decay."""
    betas: tuple[Decay, ...] = (0.9, 0.99)
    """Decay rates of the two moments (SeQ-GAN Table 9: 0.9 and 0.99 in phase 1, 0.5 and 0.9 in phase 2)."""
    weight_decay: NonNegativeFloat = 0.0
    """Decoupled weight decay of linear layers and convolutions; biases, norms and embeddings have none."""
    warmup: NonNegativeInt = 0
    """Updates over which the learning rate rises linearly to ``lr``."""
    decay: Literal["none", "cosine", "linear", "exponential"] = "none"
    """Curve along which the learning rate goes from ``lr`` to ``end_lr``, which it has at the last update."""
    decay_start: NonNegativeInt = 0
    """Update at which the decay starts; not before the warm-up's end."""
    end_lr: NonNegativeFloat = 0.0
    """Learning rate at the last update, where there is a decay."""
    clip_norm: PositiveFloat | None = None
    """L2 norm that all gradients together are clipped to; null: they aren't."""
    drops: tuple[PositiveInt, ...] = field(default=(), metadata={"hash": UNLESS_DEFAULT})
    """Updates at which the learning rate is multiplied by ``drop_factor``, on top of any ``decay`` (Open-MAGVIT2: after
    200 and 250 of 270 epochs)."""
    drop_factor: PositiveShare = field(default=0.1, metadata={"hash": UNLESS_DEFAULT})
    """What the learning rate is multiplied by at each of ``drops``."""

    def __post_init__(self) -> None:
        if len(self.betas) != 2:
            raise ValueError(f"betas {self.betas}: two numbers are needed")
        if self.decay == "exponential" and self.end_lr <= 0:
            raise ValueError(f"end_lr {self.end_lr}: exponential decay needs an end above 0")


@dataclass(frozen=True, kw_only=True)
class LoadingConfig:
    """What a training image looks like."""

    crop: Literal["centre", "random", "random_resized"] = field(default="centre", metadata={"hash": UNLESS_DEFAULT})
    """Square that is cut out of an image. centre: the whole shorter side, in the middle of the longer one. random: the
    whole shorter side, anywhere along the longer one (VQGAN, VQGAN-LC, RQ-VAE, Open-MAGVIT2); a square image is taken
    whole. random_resized: a random part of the shorter side, anywhere (ADM's random_crop_arr; LlamaGen, FQGAN)."""
    min_scale: PositiveShare = 1.0
    """Smallest share of the shorter side that a crop of random_resized covers (FQGAN: 0.8); 1 for the other crops."""
    flip: bool = True
    """Whether an image is mirrored half of the times that it is met."""
    decoder: Literal["pillow", "turbo"] = field(default="pillow", metadata={"hash": UNLESS_DEFAULT})
    """How training images are read. pillow: as those of evaluation, by Pillow and ADM's resize. turbo: photographs in
    less than half of the time, by torchvision's JPEG decoder and PyTorch's bicubic filter, large ones scaled while they
    are decoded; pixels differ by a level or two, of large images by more. Evaluation always has pillow."""

    def __post_init__(self) -> None:
        if self.crop == "random_resized" and self.min_scale == 1:
            raise ValueError("crop random_resized: give min_scale, a share below 1; crop random has the whole side")
        if self.crop != "random_resized" and self.min_scale != 1:
            raise ValueError(f"min_scale {self.min_scale}: crop {self.crop} has none; give crop random_resized with it")


@dataclass(frozen=True, kw_only=True)
class GanConfig:
    """Adversarial training: the discriminator starts first, then the generator feels it, more and more."""

    loss: Literal["hinge", "non_saturating", "hinge_softplus"] = "non_saturating"
    """hinge (VQGAN, VQGAN-LC, FQGAN), or softplus on both sides (StyleGAN2, MaskGIT); hinge_softplus: hinge for the
    discriminator, for the generator softplus of an image's mean logit (Open-MAGVIT2, IBQ)."""
    weight: NonNegativeFloat = 0.1
    """Weight of the GAN term in the generator's loss, after the ramp."""
    adaptive: bool = False
    """Whether that weight is multiplied by |grad L_rec| / |grad L_gan| at the decoder's last layer (VQGAN eq. 7)."""
    adaptive_ceiling: PositiveFloat = 10.0
    """The largest such factor (VQGAN's code: 10,000)."""
    discriminator_start: NonNegativeInt = 0
    """Update at which the discriminator starts to learn."""
    generator_start: NonNegativeInt = 0
    """Update at which the generator starts to feel it; not before ``discriminator_start``."""
    ramp: NonNegativeInt = 0
    """Updates over which the weight then rises linearly."""
    r1_weight: NonNegativeFloat = 0.0
    """gamma of the R1 penalty gamma / 2 |grad D|^2 on real images (Mescheder et al. 2018); 0: none."""
    r1_every: PositiveInt = 16
    """Updates from one R1 penalty to the next, whose weight is multiplied by this number (StyleGAN2's lazy one)."""
    lecam_weight: NonNegativeFloat = field(default=0.0, metadata={"hash": UNLESS_DEFAULT})
    """Weight of LeCAM in the discriminator's loss (Open-MAGVIT2: 0.05; TiTok, MaskBit: 0.001); 0: none."""
    lecam_decay: Decay = field(default=0.999, metadata={"hash": UNLESS_DEFAULT})
    """Share of LeCAM's two mean logits that a batch keeps."""

    def __post_init__(self) -> None:
        if self.generator_start < self.discriminator_start:
            raise ValueError(
                f"generator_start {self.generator_start} lies before discriminator_start {self.discriminator_start}: "
                "the generator would learn from an untrained discriminator"
            )


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Length and rhythm of a training."""

    updates: PositiveInt
    """Optimizer steps of the generator, or of the prior; the discriminator's don't count."""
    batch_size: PositiveInt
    """Samples of an update, over all devices and accumulation steps."""
    accumulation: PositiveInt = 1
    """Forward and backward passes an update. It changes what is learned wherever a loss or a codebook looks at a whole
    batch (entropies of means, negatives, moving averages), so it is part of a result's key."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """bf16-mixed computes in bfloat16; weights, codebook search, losses and metrics stay in float32."""
    ema_decay: Decay = 0.999
    """Share of the averaged weights, which are published, that an update keeps; less in the first updates. 0: there is
    no average, the weights themselves are published."""
    seed: Annotated[int, Range(at_least=0, at_most=2**32 - 1)] = 0  # NumPy's bounds
    """Seed of initial weights, data order, augmentation, masks and dropout."""
    validate_every: PositiveInt = field(default=1000, metadata=RUNTIME)
    """Updates from one validation to the next."""


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
