"""Training of the classifier of token maps: cross-entropy of the class (MAE's fine-tuning, on tokens)."""

from collections.abc import Sequence

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import MeanMetric

from configs.schema.classifier import ClassifierConfig
from lit_modules.training import LitTraining
from smalti.codebooks import Quantizer
from smalti.layers.frozen import Frozen
from smalti.losses.soft_targets import blend, soft_targets
from smalti.metrics.top_k import TOP, among_top
from smalti.tokenizers.vq_tokenizer import on_grid

Batch = dict[str, Tensor]


def layer_multiplier(name: str, num_layers: int, decay: float) -> float:
    """Returns decay^(num_layers + 1 - i) for a parameter of layer i: 0 for class token, positions and patch embedding,
    then one for each block, num_layers + 1 for norm and output layer (MAE's util/lr_decay.py; BEiT).

    >>> layer_multiplier("blocks.11.norm1.bias", 12, 0.5), layer_multiplier("head.weight", 12, 0.5)
    (0.5, 1.0)
    """
    first, *rest = name.split(".")
    if first in ("cls_token", "pos_embed", "patch_embed"):
        layer = 0
    else:
        layer = int(rest[0]) + 1 if first == "blocks" else num_layers + 1
    return decay ** (num_layers + 1 - layer)


class LitClassifier(LitTraining):
    """Predicts an image's class from its code vectors.

    Training blends each image with a partner, where the batch has one: vectors and targets alike. The patch embedding
    is linear, so that to blend code vectors is to blend embedded positions.
    """

    network: VisionTransformer

    def __init__(
        self,
        network: VisionTransformer,
        config: ClassifierConfig,
        num_classes: int,
        quantizer: Frozen[Quantizer],
        grid: Sequence[int],
    ) -> None:
        """
        Args:
            quantizer: decodes tokens to code vectors; they stand in a ``grid`` of (rows, columns).
        """
        super().__init__(network, config.training, [config.optimizer], config.runtime.fused_optimizer)
        self.config, self.num_classes = config, num_classes
        self.quantizer, self.grid = quantizer, grid
        self.frozen = {"quantizer": quantizer.network}
        self.val_loss = MeanMetric()
        self.val_top = torch.nn.ModuleDict({str(k): MeanMetric() for k in TOP if k < num_classes})

    def rate_multiplier(self, name: str) -> float:
        return layer_multiplier(name, self.config.network.num_layers, self.config.optimizer.layer_decay)

    @torch.no_grad()
    def code_vectors(self, tokens: Tensor) -> Tensor:
        """Returns code vectors (B, D, h, w) for tokens (B, k, N)."""
        return self.quantizer.network.decode(on_grid(tokens, self.grid))

    def targets(self, labels: Tensor) -> Tensor:
        """Returns probabilities (B, classes) for labels (B,)."""
        return soft_targets(labels, self.num_classes, self.config.label_smoothing)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        vectors, targets = self.code_vectors(batch["tokens"]), self.targets(batch["labels"])
        if "share" in batch:
            vectors = blend(vectors, self.code_vectors(batch["partner_tokens"]), batch["share"])
            targets = blend(targets, self.targets(batch["partner_labels"]), batch["share"])
        loss = F.cross_entropy(self.network(vectors).float(), targets)
        self.report({"train/loss": loss}, len(targets))
        self.optimise(loss, batch_idx)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        logits, labels = self.averaged_network(self.code_vectors(batch["tokens"])).float(), batch["labels"]
        self.val_loss.update(F.cross_entropy(logits, labels, reduction="none"))
        for k, metric in self.val_top.items():
            metric.update(among_top(logits, labels, int(k)).float())  # type: ignore[operator]

    def on_validation_epoch_end(self) -> None:
        figures = {"val/loss": self.val_loss} | {f"val/top{k}": metric for k, metric in self.val_top.items()}
        self.log_dict({name: metric.compute() for name, metric in figures.items()})  # type: ignore[operator]
        for metric in figures.values():
            metric.reset()  # type: ignore[operator]
