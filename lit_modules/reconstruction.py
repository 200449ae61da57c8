"""The training step that both phases of the tokenizer share: reconstruct, compare, GAN."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from configs.schema.training import GanConfig, OptimizerConfig, TrainingConfig
from lit_modules.adversary import Adversary
from lit_modules.training import LitTraining
from smalti.codebooks.quantizer import Quantizer, count_codes
from smalti.collectives import all_sum
from smalti.losses.perceptual import Perceptual
from smalti.metrics.codebook import CodebookUsage, usage
from smalti.metrics.reconstruction import peak_signal_to_noise
from smalti.tokenizers.autoencoders import AnyDecoder

Batch = dict[str, Tensor]
PIXEL_DISTANCES = {"l1": nn.functional.l1_loss, "l2": nn.functional.mse_loss}


@dataclass(frozen=True)
class Attempt:
    """A reconstruction ``images`` (B, 3, H, W), the ``loss`` that it costs beyond its looks, and raw terms by name."""

    images: Tensor
    loss: Tensor
    terms: dict[str, Tensor]
    counts: Tensor


class LitReconstruction(LitTraining):
    """Pixels + perceptual + GAN (SeQ-GAN eq. 2 and 3); subclasses say how an image is reconstructed."""

    last_window: Tensor

    def __init__(
        self,
        network: nn.Module,
        discriminator: nn.Module,
        perceptual: Perceptual,
        *,
        perceptual_weight: float,
        gan: GanConfig,
        training: TrainingConfig,
        optimizers: Sequence[OptimizerConfig],
        reconstruction: str,
        reconstruction_weight: float,
        quantizer: Quantizer,
        fused: bool,
    ) -> None:
        super().__init__(network, training, optimizers[0], fused)
        self.optimizer_configs = list(optimizers)
        self.adversary = Adversary(discriminator, gan)
        self.perceptual, self.reconstruction = perceptual, reconstruction
        self.frozen = {perceptual.name: perceptual.network.network}
        self.perceptual_weight, self.reconstruction_weight = perceptual_weight, reconstruction_weight
        self.num_books, self.num_codes = quantizer.num_books, quantizer.num_codes
        self.window = CodebookUsage(self.num_books, self.num_codes)
        # How often each code occurred between the last two validations, on all ranks: what is published.
        self.register_buffer("last_window", torch.zeros(self.num_books, self.num_codes, dtype=torch.int64))
        self.val_usage, self.val_psnr = CodebookUsage(self.num_books, self.num_codes), MeanMetric()

    def trained_networks(self) -> list[nn.Module]:
        return [self.network, self.adversary]

    def decoder(self) -> AnyDecoder:
        """Returns the trained decoder, whose last layer balances the GAN weight."""
        raise NotImplementedError

    def attempt(self, images: Tensor) -> Attempt:
        """Returns the reconstruction by the network in training."""
        raise NotImplementedError

    def reconstruct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns images (B, 3, H, W) in [-1, 1] and tokens, by the averaged weights."""
        raise NotImplementedError

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        images, update = batch["images"], self.update
        attempt = self.attempt(images)
        distance = PIXEL_DISTANCES[self.reconstruction](attempt.images.float(), images)
        perceptual, taps = self.perceptual(attempt.images, images)
        looks = self.reconstruction_weight * distance + self.perceptual_weight * perceptual
        gan, gan_terms = self.adversary.generator_term(attempt.images, looks, self.decoder().last_layer, update)
        judged, judge_terms = self.adversary.discriminator_term(images, attempt.images, update)
        self.window.update(attempt.counts)
        named = {f"perceptual/{self.perceptual.name}/{tap}": value for tap, value in taps.items()}
        terms = {
            self.reconstruction: distance,
            "perceptual": perceptual,
            **named,
            **attempt.terms,
            **gan_terms,
            **judge_terms,
        }
        self.report({f"train/{name}": value for name, value in terms.items()}, len(images))
        self.optimise(looks + attempt.loss + gan + judged, batch_idx, {1: self.adversary.learns(update)})

    def on_validation_epoch_start(self) -> None:
        if self.trainer.sanity_checking:
            return
        counts = all_sum(self.window.counts.clone())
        if counts.any():
            self.last_window.copy_(counts)
            self.log_dict({f"train/{name}": value.float() for name, value in usage(counts).items()})
            self.window.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Puts the counts of all ranks into the checkpoint, which is rank 0's; from here on they are rank 0's too."""
        counts = all_sum(self.window.counts.clone())
        self.window.counts.copy_(counts if self.trainer.is_global_zero else torch.zeros_like(counts))
        checkpoint["state_dict"]["window.counts"] = self.window.counts.clone()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if not self.trainer.is_global_zero:
            checkpoint["state_dict"]["window.counts"].zero_()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        images = batch["images"][batch["readable"]].flatten(0, 1)
        if not len(images):  # none of them could be read; stage scores names and counts them
            return
        found, tokens = self.reconstruct(images)
        self.val_psnr.update(peak_signal_to_noise(found, images))
        self.val_usage.update(count_codes(tokens, self.num_codes, self.num_books))

    def on_validation_epoch_end(self) -> None:
        values: dict[str, Any] = {"val/psnr": self.val_psnr.compute()}
        values |= {f"val/{name}": value for name, value in self.val_usage.compute().items()}
        self.log_dict(values)
        self.val_psnr.reset()
        self.val_usage.reset()

    def preview(self, fixed: Tensor) -> Tensor:
        """Returns what a person looks at: (2, B, 3, H, W), ``fixed`` images and their reconstructions, in [-1, 1]."""
        return torch.stack([fixed, self.reconstruct(fixed)[0]])
