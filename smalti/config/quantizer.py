"""What the configs of all codebooks have in common."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from smalti.config.parsing import UNLESS_DEFAULT
from smalti.config.ranges import NonNegativeFloat, PositiveFloat


@dataclass(frozen=True, kw_only=True)
class BaseQuantizerConfig:
    """A kind of codebook, by its own ``kind``, and what a recipe has to know of it."""

    kind: str
    quantizer: ClassVar[str]
    """``module:class`` of its quantiser."""
    needs_centres: ClassVar[bool] = False
    """Whether it is built on the centres of stage codebook; a kind that isn't has no use for them."""

    no_latents: ClassVar[str | None] = None
    """Why its latents are nothing that a diffusion prior could model, with the remedy; None if they are."""

    bounds_latents: ClassVar[bool] = False
    """Whether latents are normalised or bounded before they are compared: a decoder can't be given them as they are."""

    @property
    def learns_from_batches(self) -> bool:
        """Whether rows are set from each batch as it passes, not by gradient, so that batches can't be accumulated."""
        return False

    def misfits(self, latent_dim: int) -> Iterator[str]:
        """Yields what doesn't fit latents of so many channels, each with its remedy."""
        yield from ()


@dataclass(frozen=True, kw_only=True)
class NearestCodeConfig(BaseQuantizerConfig):
    """Weights of the terms that every table's loss may have."""

    commitment_weight: NonNegativeFloat = 0.25
    """Weight of |z - sg e|^2, which moves the encoder: beta of SeQ-GAN's eq. 2."""
    codebook_weight: NonNegativeFloat = 1.0
    """Weight of |sg z - e|^2, which moves the codebook (SeQ-GAN eq. 2)."""
    entropy_weight: NonNegativeFloat = 0.0
    """Weight of the entropy of the mean assignment, in nats, which is maximised: gamma of SeQ-GAN's section 3.4."""
    sample_entropy_weight: NonNegativeFloat = 0.0
    """Weight of the mean entropy of each assignment, in nats, which is minimised (MaskGIT; FQGAN: 0.03)."""
    entropy_temperature: PositiveFloat = 1.0
    """Temperature of the soft assignments, softmax of -|z - e|^2 / temperature (SeQ-GAN: 1; MaskGIT, FQGAN: 0.01)."""
    entropy_epsilon: NonNegativeFloat = field(default=0.0, metadata={"hash": UNLESS_DEFAULT})
    """Added to p in log p of the mean assignment: 0 is exact; public code, MaskGIT's and FQGAN's among it, has 1e-5."""

    @property
    def loss_weights(self) -> dict[str, float]:
        """The weights by the names of the terms."""
        return {
            "commitment": self.commitment_weight, "codebook": self.codebook_weight,
            "entropy": self.entropy_weight, "sample_entropy": self.sample_entropy_weight,
        }  # fmt: skip
