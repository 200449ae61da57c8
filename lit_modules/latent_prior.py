"""What the priors over latents share: label dropout, the mean of a loss, the validation, the previews."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from configs.schema.priors import LatentPriorConfig
from lit_modules.prior import drop_labels
from lit_modules.training import LitTraining
from smalti.layers.frozen import Frozen
from smalti.priors.latent import LatentPrior
from smalti.samplers.draw import quantised
from smalti.tokenizers.vq_tokenizer import VQTokenizer

Batch = dict[str, Tensor]
PREVIEW_STEPS = 50  # enough to see what it draws


def random_times(noise: Tensor, num_times: int) -> Tensor:
    """Returns times (B,) int64 in [0, ``num_times``), all equally likely, for noise (B,) uniform in [0, 1).

    >>> random_times(torch.tensor([0.0, 0.5, 0.9999]), 1000).tolist()
    [0, 500, 999]
    """
    return (noise.double() * num_times).long()


class LitLatentPrior(LitTraining):
    """Trains a prior on standardised latents; subclasses say what it predicts of noisy ones, and how it is sampled."""

    network: LatentPrior

    def __init__(
        self,
        network: LatentPrior,
        config: LatentPriorConfig,
        num_classes: int,
        tokenizer: Frozen[VQTokenizer],
        grid: Sequence[int],
    ) -> None:
        """
        Args:
            tokenizer: quantises and decodes the previews, whose latents lie on a ``grid`` of (rows, columns).
        """
        super().__init__(network, config.training, [config.optimizer], config.runtime.fused_optimizer)
        self.config, self.num_classes = config, num_classes
        self.tokenizer, self.grid = tokenizer, grid
        self.frozen = {"tokenizer": tokenizer.network}
        self.val_loss = MeanMetric()

    def compiled_parts(self) -> list[nn.Module]:
        return self.network.compiled_parts()

    def losses(self, network: LatentPrior, latents: Tensor, labels: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Returns terms (B,) by name, for standardised latents (B, D, h, w); their sum is minimised."""
        raise NotImplementedError

    def sample(self, labels: Tensor) -> Tensor:
        """Returns latents (B, D, h, w) for labels (B,), by the averaged weights, with the same noise every time."""
        raise NotImplementedError

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        labels = drop_labels(batch["labels"], batch["noise"][:, 0], self.config.label_dropout, self.num_classes)
        latents = self.network.standardise(batch["latents"])
        terms = {name: term.mean() for name, term in self.losses(self.network, latents, labels, batch).items()}
        loss = torch.stack(list(terms.values())).sum()
        parts = {f"train/loss/{name}": term for name, term in terms.items()} if len(terms) > 1 else {}
        self.report({"train/loss": loss, **parts}, len(labels))
        self.optimise(loss, batch_idx)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        labels = drop_labels(batch["labels"], batch["noise"][:, 0], 0.0, self.num_classes)
        network: Any = self.averaged_network
        terms = self.losses(network, network.standardise(batch["latents"]), labels, batch)
        self.val_loss.update(torch.stack(list(terms.values())).sum(0))

    def on_validation_epoch_end(self) -> None:
        self.log("val/loss", self.val_loss.compute())
        self.val_loss.reset()

    def preview(self, fixed: Tensor) -> Tensor:
        """Returns images (1, B, 3, H, W) sampled for ``fixed`` labels (B,)."""
        tokenizer = self.tokenizer.network
        return tokenizer.decode_codes(quantised(self.sample(fixed), tokenizer.quantizer).codes)[None]
