"""Encoding images with a frozen encoder, as far as the latents in front of the codebook."""

import torch
from einops import rearrange
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from smalti.layers.frozen import Frozen
from smalti.pixels import from_uint8


class LitLatentShards(LightningModule):
    """Predicts ``latents`` (B, V, D, h, w) as ``dtype`` for images (B, V, 3, H, W)."""

    def __init__(self, encoder: Frozen[nn.Module], dtype: torch.dtype) -> None:
        super().__init__()
        self.encoder, self.latent_dtype = encoder, dtype

    def on_predict_start(self) -> None:
        self.encoder.to(self.device)

    def predict_step(self, batch: dict[str, Tensor], batch_idx: int) -> dict[str, Tensor]:
        """
        Raises:
            ValueError: latents that aren't finite, or too large for ``dtype``.
        """
        views = batch["images"].shape[1]
        latents = self.encoder(from_uint8(rearrange(batch["images"], "b v c h w -> (b v) c h w"))).float()
        largest, limit = float(latents.abs().amax()), torch.finfo(self.latent_dtype).max
        if not largest <= limit:
            raise ValueError(
                f"latents as large as {largest:.4g} don't fit {str(self.latent_dtype).removeprefix('torch.')}, which "
                f"ends at {limit:.4g}; set latent_shards.dtype to float32, or, if they aren't finite, train the "
                "tokenizer anew"
            )
        return {"latents": rearrange(latents, "(b v) d h w -> b v d h w", v=views).to(self.latent_dtype)}
