"""What both priors share: token batches, label dropout, validation in nats and bits."""

import math
from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor, nn
from torchmetrics import MeanMetric

from configs.stages import ArPriorConfig, NarPriorConfig
from lit_modules.training import LitTraining
from networks.frozen import Frozen
from networks.tokenizer import VQTokenizer

Batch = dict[str, Tensor]


def drop_labels(labels: Tensor, noise: Tensor, share: float, num_classes: int) -> Tensor:
    """Returns labels (B,) with a ``share`` of them, and all -1, replaced by ``num_classes``: "no class".

    >>> drop_labels(torch.tensor([0, 1, -1]), torch.tensor([0.05, 0.5, 0.5]), 0.1, 3).tolist()
    [3, 1, 3]
    """
    return torch.where((noise < share) | (labels < 0), num_classes, labels)


class LitPrior(LitTraining):
    """Trains a prior by cross-entropy; subclasses say which tokens are predicted from which."""

    def __init__(
        self,
        network: nn.Module,
        config: ArPriorConfig | NarPriorConfig,
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
        self.val_loss, self.val_accuracy = MeanMetric(), MeanMetric()

    def predict_tokens(self, network: nn.Module, batch: Batch, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Returns logits (M, K) of the M tokens that are to be predicted, and those tokens (M,)."""
        raise NotImplementedError

    def sample(self, labels: Tensor) -> Tensor:
        """Returns tokens (B, N) for labels (B,) by the averaged weights, with the same noise every time."""
        raise NotImplementedError

    def preview(self, fixed: Tensor) -> Tensor:
        """Returns images (1, B, 3, H, W) sampled for ``fixed`` labels (B,)."""
        tokens = rearrange(self.sample(fixed), "b (h w) -> b h w", h=self.grid[0])
        return self.tokenizer.network.decode(tokens)[None]

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        labels = drop_labels(batch["labels"], batch["noise"][:, 0], self.label_dropout, self.num_classes)
        logits, targets = self.predict_tokens(self.network, batch, labels)
        loss = nn.functional.cross_entropy(logits.float(), targets)
        self.report({"train/loss": loss}, len(labels))
        self.optimise(loss, batch_idx)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        labels = drop_labels(batch["labels"], batch["noise"][:, 0], 0.0, self.num_classes)
        logits, targets = self.predict_tokens(self.averaged_network, batch, labels)
        losses = nn.functional.cross_entropy(logits.float(), targets, reduction="none")
        self.val_loss.update(losses)
        self.val_accuracy.update((logits.argmax(-1) == targets).float())

    def on_validation_epoch_end(self) -> None:
        loss = self.val_loss.compute()
        self.log_dict(
            {"val/loss": loss, "val/bits_per_token": loss / math.log(2), "val/accuracy": self.val_accuracy.compute()}
        )
        self.val_loss.reset()
        self.val_accuracy.reset()
