"""Scores of samples that are drawn, judged and forgotten."""

import torch
from torch import Tensor, nn

from lit_modules.scores import Batch, Judge, LitFeatureScores
from smalti.layers.frozen import Frozen
from smalti.pixels import to_uint8
from smalti.samplers.draw import Draw
from smalti.tokenizers.vq_tokenizer import VQTokenizer


class LitSweep(LitFeatureScores):
    """Tests the images that a prior draws for sample indices and labels, as stage scores tests those of files: rounded
    to uint8, each compared and each classified."""

    def __init__(
        self,
        prior: Frozen[nn.Module],
        draw: Draw,
        decoder: Frozen[VQTokenizer],
        judge: Judge,
        frechet_tap: str,
        classifier_tap: str,
    ) -> None:
        super().__init__(judge, frechet_tap, classifier_tap)
        self.prior, self.draw, self.decoder = prior, draw, decoder

    def on_test_start(self) -> None:
        super().on_test_start()
        self.prior.to(self.device)
        self.decoder.to(self.device)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        drawn = self.draw(batch["labels"], batch["index"].tolist())
        images = to_uint8(self.decoder.network.decode_codes(drawn.codes))
        yes: Tensor = torch.ones_like(batch["labels"], dtype=torch.bool)
        marks = {"readable": yes, "compare": yes, "classify": yes, "manifold": ~yes}
        super().test_step({**batch, **marks, "images": images[:, None]}, batch_idx)
