"""Sampling from a prior, and decoding with one or more decoders."""

from collections.abc import Sequence

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from smalti.layers.frozen import Frozen
from smalti.pixels import to_uint8
from smalti.samplers.sampler import Sampler
from smalti.tokenizers.vq_tokenizer import VQTokenizer, on_grid


class LitSamples(LightningModule):
    """Predicts uint8 ``images`` (B, decoders, 3, H, W) for sample indices and labels, and the ``tokens`` that they were
    decoded from, (B, N), or (B, k, N) of several books, as ``dtype``.

    A prior may be of any kind: ``sampler`` alone knows how to call it, and ends in tokens whatever it models.
    """

    def __init__(
        self,
        prior: Frozen[nn.Module],
        sampler: Sampler,
        decoders: Sequence[Frozen[VQTokenizer]],
        grid: Sequence[int],
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.prior, self.sampler, self.decoders, self.grid = prior, sampler, decoders, grid
        self.token_dtype = dtype

    def on_predict_start(self) -> None:
        self.prior.to(self.device)
        for decoder in self.decoders:
            decoder.to(self.device)

    def predict_step(self, batch: dict[str, Tensor], batch_idx: int) -> dict[str, Tensor]:
        tokens = on_grid(self.sampler(batch["labels"], batch["index"].tolist()), self.grid)
        images = torch.stack([to_uint8(decoder.network.decode(tokens)) for decoder in self.decoders], dim=1)
        return {"images": images, "tokens": tokens.flatten(-2).to(self.token_dtype)}
