"""Sampling from a prior, and decoding with one or more decoders."""

from collections.abc import Sequence

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from smalti.layers.frozen import Frozen
from smalti.pixels import to_uint8
from smalti.samplers.draw import Draw
from smalti.tokenizers.vq_tokenizer import VQTokenizer


class LitSamples(LightningModule):
    """Predicts uint8 ``images`` (B, decoders, 3, H, W) for sample indices and labels, and the ``tokens`` that they were
    decoded from, (B, N), or (B, k, N) of several books, as ``dtype``.

    A prior may be of any kind: ``draw`` alone knows how to call it, and ends in tokens and codes whatever it models.
    """

    def __init__(
        self,
        prior: Frozen[nn.Module],
        draw: Draw,
        decoders: Sequence[Frozen[VQTokenizer]],
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.prior, self.draw, self.decoders = prior, draw, decoders
        self.token_dtype = dtype

    def on_predict_start(self) -> None:
        self.prior.to(self.device)
        for decoder in self.decoders:
            decoder.to(self.device)

    def predict_step(self, batch: dict[str, Tensor], batch_idx: int) -> dict[str, Tensor]:
        drawn = self.draw(batch["labels"], batch["index"].tolist())
        images = torch.stack([to_uint8(decoder.network.decode_codes(drawn.codes)) for decoder in self.decoders], dim=1)
        return {"images": images, "tokens": drawn.tokens.flatten(-2).to(self.token_dtype)}
