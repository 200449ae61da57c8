"""What the autoregressive and the masked prior share: label dropout, the loss over several books, the validation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from configs.schema.priors import TokenPriorConfig
from lit_modules.training import LitTraining
from smalti.collectives import all_mean
from smalti.layers.frozen import Frozen
from smalti.losses.cross_entropy import linear_cross_entropy, token_losses
from smalti.priors import TokenPrior
from smalti.tokenizers.vq_tokenizer import VQTokenizer, on_grid

Batch = dict[str, Tensor]


def drop_labels(labels: Tensor, noise: Tensor, rate: float, num_classes: int) -> Tensor:
    """Returns labels (B,) of which a share of ``rate``, and every -1, is replaced by ``num_classes``: "no class".

    >>> drop_labels(torch.tensor([0, 1, -1]), torch.tensor([0.05, 0.5, 0.5]), 0.1, 3).tolist()
    [3, 1, 3]
    """
    return torch.where((noise < rate) | (labels < 0), num_classes, labels)


@dataclass(frozen=True)
class Prediction:
    """M tokens of one book, or sub-tokens, and what they are predicted from: the logits are ``features @ weight.T``.

    ``features`` (M, C), the output layer's ``weight`` (K, C), ``targets`` (M,), where -1 marks a token that isn't
    predicted.
    """

    features: Tensor
    weight: Tensor
    targets: Tensor


class LitPrior(LitTraining):
    """Trains a prior by cross-entropy, averaged over the books (FQGAN); subclasses say what is predicted from what.

    The loss of a token that is split is the sum over its sub-tokens, as in Open-MAGVIT2: its negative log-likelihood.
    """

    network: TokenPrior

    def __init__(
        self,
        network: TokenPrior,
        config: TokenPriorConfig,
        num_classes: int,
        tokenizer: Frozen[VQTokenizer],
        grid: Sequence[int],
    ) -> None:
        """
        Args:
            tokenizer: decodes the previews; its tokens stand in a ``grid`` of (rows, columns).
        """
        super().__init__(network, config.training, [config.optimizer], config.runtime.fused_optimizer)
        self.config, self.num_classes = config, num_classes
        self.tokenizer, self.grid = tokenizer, grid
        self.frozen = {"tokenizer": tokenizer.network}
        self.val_loss, self.val_accuracy = MeanMetric(), MeanMetric()

    def compiled_parts(self) -> list[nn.Module]:
        return self.network.compiled_parts()

    def predictions(self, network: TokenPrior, batch: Batch, labels: Tensor) -> list[Prediction]:
        """Returns one prediction for each sub-token of a position."""
        raise NotImplementedError

    def sample(self, labels: Tensor) -> Tensor:
        """Returns tokens (B, k, N) for labels (B,), drawn by the averaged weights with the same noise every time."""
        raise NotImplementedError

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        labels = drop_labels(batch["labels"], batch["noise"][:, 0], self.config.label_dropout, self.num_classes)
        losses = []
        for book in self.predictions(self.network, batch, labels):
            loss = linear_cross_entropy(book.features, book.weight, book.targets, self.config.label_smoothing)
            losses.append(loss * rank_weight(book.targets))
        loss = torch.stack(losses).sum() / self.network.num_books
        terms = {"train/loss": loss}
        if len(losses) > 1:
            terms |= {f"train/loss/{number}": value for number, value in enumerate(losses)}
        self.report(terms, len(labels))
        self.optimise(loss, batch_idx)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        labels = drop_labels(batch["labels"], batch["noise"][:, 0], 0.0, self.num_classes)
        for book in self.predictions(self.averaged_network, batch, labels):
            tokens = token_losses(book.features, book.weight, book.targets)
            self.val_loss.update(tokens.losses)
            self.val_accuracy.update(tokens.correct.float())

    def on_validation_epoch_end(self) -> None:
        loss = self.val_loss.compute() * (self.network.num_sub_tokens / self.network.num_books)
        self.log_dict(
            {"val/loss": loss, "val/bits_per_token": loss / math.log(2), "val/accuracy": self.val_accuracy.compute()}
        )
        self.val_loss.reset()
        self.val_accuracy.reset()

    def preview(self, fixed: Tensor) -> Tensor:
        """Returns images (1, B, 3, H, W) sampled for ``fixed`` labels (B,)."""
        return self.tokenizer.network.decode(on_grid(self.sample(fixed), self.grid))[None]


def rank_weight(targets: Tensor) -> Tensor:
    """Returns the weight of this rank's mean loss: its number of targets, divided by the ranks' average number.

    One rank has more masked tokens than another, so that the mean of the ranks' means wouldn't be the batch's mean.
    The weight is 0 if no rank has a target in this book.
    """
    number = (targets >= 0).sum().double()
    return (number / all_mean(number.clone()).clamp(min=1e-9)).float()
