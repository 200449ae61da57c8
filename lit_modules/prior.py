"""What both priors share: token batches, label dropout, validation in nats and bits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from configs.schema.priors import PriorConfig
from lit_modules.training import LitTraining
from smalti.collectives import all_mean
from smalti.layers.frozen import Frozen
from smalti.losses.cross_entropy import linear_cross_entropy, token_losses
from smalti.priors import TokenPrior
from smalti.tokenizers.vq_tokenizer import VQTokenizer, on_grid

Batch = dict[str, Tensor]


def drop_labels(labels: Tensor, noise: Tensor, share: float, num_classes: int) -> Tensor:
    """Returns labels (B,) with a ``share`` of them, and all -1, replaced by ``num_classes``: "no class".

    >>> drop_labels(torch.tensor([0, 1, -1]), torch.tensor([0.05, 0.5, 0.5]), 0.1, 3).tolist()
    [3, 1, 3]
    """
    return torch.where((noise < share) | (labels < 0), num_classes, labels)


@dataclass(frozen=True)
class Readout:
    """M tokens of one book: ``features`` (M, C), the output layer's ``weight`` (K, C), ``targets`` (M,), -1: none."""

    features: Tensor
    weight: Tensor
    targets: Tensor


class LitPrior(LitTraining):
    """Trains a prior by cross-entropy, the mean over the books (FQGAN); subclasses say what is predicted from what."""

    def __init__(
        self,
        network: TokenPrior,
        config: PriorConfig,
        num_classes: int,
        tokenizer: Frozen[VQTokenizer],
        grid: Sequence[int],
    ) -> None:
        """
        Args:
            tokenizer: decodes the previews; (rows, columns) of its tokens are ``grid``.
        """
        super().__init__(network, config.training, config.optimizer, config.runtime.fused_optimizer)
        self.tokenizer, self.grid = tokenizer, grid
        self.frozen = {"tokenizer": tokenizer.network}
        self.label_dropout, self.num_classes = config.label_dropout, num_classes
        self.label_smoothing = config.label_smoothing
        self.val_loss, self.val_accuracy = MeanMetric(), MeanMetric()

    def compiled_parts(self) -> list[nn.Module]:
        return cast(TokenPrior, self.network).compiled_parts()

    def readouts(self, network: TokenPrior, batch: Batch, labels: Tensor) -> list[Readout]:
        """Returns, for each book, what its output layer reads and the tokens that it should give."""
        raise NotImplementedError

    def sample(self, labels: Tensor) -> Tensor:
        """Returns tokens (B, k, N) for labels (B,) by the averaged weights, with the same noise every time."""
        raise NotImplementedError

    def preview(self, fixed: Tensor) -> Tensor:
        """Returns images (1, B, 3, H, W) sampled for ``fixed`` labels (B,)."""
        return self.tokenizer.network.decode(on_grid(self.sample(fixed), self.grid))[None]

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        labels = drop_labels(batch["labels"], batch["noise"][:, 0], self.label_dropout, self.num_classes)
        readouts = self.readouts(cast(TokenPrior, self.network), batch, labels)
        losses = [
            linear_cross_entropy(r.features, r.weight, r.targets, self.label_smoothing) * self.share_of(r)
            for r in readouts
        ]
        loss = torch.stack(losses).mean()
        terms = {"train/loss": loss}
        if len(losses) > 1:
            terms |= {f"train/loss/{book}": value for book, value in enumerate(losses)}
        self.report(terms, len(labels))
        self.optimise(loss, batch_idx)

    def share_of(self, readout: Readout) -> Tensor:
        """Returns by how much this rank's mean counts: its number of targets over the ranks' average of it.

        Masked tokens are more on one rank than on another; the mean of the ranks' means wouldn't be the batch's mean.
        A book of which no token is masked on any rank counts nothing.
        """
        number = (readout.targets >= 0).sum().double()
        return (number / all_mean(number.clone()).clamp(min=1e-9)).float()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        labels = drop_labels(batch["labels"], batch["noise"][:, 0], 0.0, self.num_classes)
        for readout in self.readouts(self.averaged_network, batch, labels):
            found = token_losses(readout.features, readout.weight, readout.targets)
            self.val_loss.update(found.losses)
            self.val_accuracy.update(found.right.float())

    def on_validation_epoch_end(self) -> None:
        loss = self.val_loss.compute()
        self.log_dict(
            {"val/loss": loss, "val/bits_per_token": loss / math.log(2), "val/accuracy": self.val_accuracy.compute()}
        )
        self.val_loss.reset()
        self.val_accuracy.reset()
