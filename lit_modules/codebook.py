"""Patch features of a pretrained network, of which the codebook is made (VQGAN-LC section 3.2)."""

import torch
from einops import rearrange
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.nn import functional as F

from smalti.features import FeatureNetwork
from smalti.layers.frozen import Frozen
from smalti.pixels import from_uint8


class LitCodebook(LightningModule):
    """Predicts ``features`` (B, P, C) float16, patch by patch, of images.

    ``pool`` averages the feature map to ``pool`` x ``pool`` patches; None keeps every position.
    """

    def __init__(self, features: Frozen[FeatureNetwork], tap: str, pool: int | None) -> None:
        super().__init__()
        self.features, self.tap, self.pool = features, tap, pool

    def extract(self, images: Tensor) -> Tensor:
        """Returns patch features (B, P, C) float32 of images (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: the tap has no positions.
        """
        features = self.features(images, [self.tap])[self.tap]
        if features.ndim != 4:
            raise ValueError(f"tap {self.tap!r} has no positions; a codebook needs a feature map")
        if self.pool is not None:
            features = F.adaptive_avg_pool2d(features, self.pool)
        return rearrange(features, "b c h w -> b (h w) c")

    @torch.no_grad()
    def shape(self, image_size: int) -> tuple[int, int]:
        """Returns (P, C) for images of ``image_size``."""
        num_patches, width = self.extract(torch.zeros(1, 3, image_size, image_size)).shape[1:]
        return num_patches, width

    def on_predict_start(self) -> None:
        self.features.to(self.device)

    def predict_step(self, batch: dict[str, Tensor], batch_idx: int) -> dict[str, Tensor]:
        images = from_uint8(batch["images"][:, 0])
        return {"features": self.extract(images).half()}
