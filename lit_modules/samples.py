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
    """Predicts uint8 images (B, decoders, 3, H, W) for sample indices and labels.

    A prior may be of any kind: ``sampler`` alone knows how to call it.
    """

    def __init__(
        self,
        prior: Frozen[nn.Module],
        sampler: Sampler,
        decoders: Sequence[Frozen[VQTokenizer]],
        grid: Sequence[int],
    ) -> None:
        super().__init__()
        self.prior, self.sampler, self.decoders, self.grid = prior, sampler, decoders, grid

    def on_predict_start(self) -> None:
        self.prior.to(self.device)
        for decoder in self.decoders:
            decoder.to(self.device)

    def predict_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        tokens = on_grid(self.sampler(batch["labels"], batch["index"].tolist()), self.grid)
        return torch.stack([to_uint8(decoder.network.decode(tokens)) for decoder in self.decoders], dim=1)
