"""Encoding images with a frozen tokenizer."""

import torch
from einops import rearrange
from lightning.pytorch import LightningModule
from torch import Tensor

from smalti.layers.frozen import Frozen
from smalti.pixels import from_uint8
from smalti.tokenizers.vq_tokenizer import VQTokenizer


class LitTokenShards(LightningModule):
    """Predicts ``tokens`` (B, V, N), or (B, V, k, N) of several books, as ``dtype`` for images (B, V, 3, H, W)."""

    def __init__(self, tokenizer: Frozen[VQTokenizer], dtype: torch.dtype) -> None:
        super().__init__()
        self.tokenizer, self.token_dtype = tokenizer, dtype

    def on_predict_start(self) -> None:
        self.tokenizer.to(self.device)

    def predict_step(self, batch: dict[str, Tensor], batch_idx: int) -> dict[str, Tensor]:
        views = batch["images"].shape[1]
        images = from_uint8(rearrange(batch["images"], "b v c h w -> (b v) c h w"))
        tokens = self.tokenizer.network.encode(images)
        return {"tokens": rearrange(tokens, "(b v) ... h w -> b v ... (h w)", v=views).to(self.token_dtype)}
