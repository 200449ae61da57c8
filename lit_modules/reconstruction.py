"""What both phases of the tokenizer share: the parts of their loss, the count of codes, the validation."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from configs.schema.reconstruction import ReconstructionTrainingConfig
from lit_modules.adversary import Adversary
from lit_modules.training import LitTraining
from smalti.codebooks.quantizer import Quantizer, count_codes
from smalti.collectives import all_sum
from smalti.losses.perceptual import Perceptual
from smalti.metrics.codebook import CodebookUsage, usage
from smalti.metrics.reconstruction import peak_signal_to_noise

Batch = dict[str, Tensor]
PIXEL_LOSSES = {"l1": nn.functional.l1_loss, "l2": nn.functional.mse_loss}
DISCRIMINATOR = 1  # the number of its optimiser; the generator's is 0


class LitReconstruction(LitTraining):
    """Trains a network that reconstructs images, the generator, against a discriminator.

    Subclasses write the training step, which adds up the terms of SeQ-GAN's eq. 2, and ``reconstruct``.
    """

    last_window: Tensor

    def __init__(
        self,
        network: nn.Module,
        discriminator: nn.Module,
        perceptual: Perceptual,
        config: ReconstructionTrainingConfig,
        quantizer: Quantizer,
    ) -> None:
        """
        Args:
            quantizer: says how many books and codes are counted.
        """
        optimizers = [config.optimizer, config.discriminator_optimizer]
        super().__init__(network, config.training, optimizers, config.runtime.fused_optimizer)
        self.config, self.perceptual = config, perceptual
        self.adversary = Adversary(discriminator, config.gan)
        self.frozen = {perceptual.name: perceptual.network.network}
        self.num_books, self.num_codes = quantizer.num_books, quantizer.num_codes
        self.window = CodebookUsage(self.num_books, self.num_codes)  # codes since the last validation, on this rank
        # Codes between the last two validations, on all ranks: these counts are published.
        self.register_buffer("last_window", torch.zeros(self.num_books, self.num_codes, dtype=torch.int64))
        self.val_usage, self.val_psnr = CodebookUsage(self.num_books, self.num_codes), MeanMetric()

    def trained_networks(self) -> list[nn.Module]:
        return [self.network, self.adversary]

    def reconstruct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns reconstructions (B, 3, H, W) in [-1, 1] and tokens, by the averaged weights."""
        raise NotImplementedError

    def pixel_loss(self, reconstructions: Tensor, images: Tensor) -> Tensor:
        """Returns the mean of |x - x'| (SeQ-GAN eq. 2), or of (x - x')^2 where the recipe says ``l2``; float32."""
        return PIXEL_LOSSES[self.config.reconstruction](reconstructions.float(), images)

    def perceptual_loss(self, reconstructions: Tensor, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the perceptual loss, and the raw term of each tap of its network."""
        loss, taps = self.perceptual(reconstructions, images)
        return loss, {f"perceptual/{self.perceptual.name}/{tap}": value for tap, value in taps.items()}

    def report_losses(self, terms: Mapping[str, Tensor], batch_size: int) -> None:
        """Logs the raw terms of a training step."""
        self.report({f"train/{name}": value for name, value in terms.items()}, batch_size)

    def on_validation_epoch_start(self) -> None:
        if self.trainer.sanity_checking:
            return
        counts = all_sum(self.window.counts.clone())
        if counts.any():
            self.last_window.copy_(counts)
            self.log_dict({f"train/{name}": value.float() for name, value in usage(counts).items()})
            self.window.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds up the counts of all ranks for the checkpoint, which rank 0 writes; from now on rank 0 holds them."""
        counts = all_sum(self.window.counts.clone())
        self.window.counts.copy_(counts if self.trainer.is_global_zero else torch.zeros_like(counts))
        checkpoint["state_dict"]["window.counts"] = self.window.counts.clone()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if not self.trainer.is_global_zero:
            checkpoint["state_dict"]["window.counts"].zero_()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        images = batch["images"][batch["readable"]].flatten(0, 1)
        if not len(images):  # none could be read; stage scores counts and names them
            return
        reconstructions, tokens = self.reconstruct(images)
        self.val_psnr.update(peak_signal_to_noise(reconstructions, images))
        self.val_usage.update(count_codes(tokens, self.num_codes, self.num_books))

    def on_validation_epoch_end(self) -> None:
        values: dict[str, Any] = {"val/psnr": self.val_psnr.compute()}
        values |= {f"val/{name}": value for name, value in self.val_usage.compute().items()}
        self.log_dict(values)
        self.val_psnr.reset()
        self.val_usage.reset()

    def preview(self, fixed: Tensor) -> Tensor:
        """Returns ``fixed`` images above their reconstructions, (2, B, 3, H, W) in [-1, 1]."""
        return torch.stack([fixed, self.reconstruct(fixed)[0]])
