"""Phase 2: detail restoration. The decoder alone is trained; tokens cannot change (SeQ-GAN section 3.4).

In the paper's letters: x images, E encoder and Z codebook, both frozen, G decoder, z_q the codes nearest to E(x),
x' = G(z_q), D discriminator.
"""

import torch
from torch import Tensor, nn

from configs.schema.decoder import DecoderConfig
from lit_modules.reconstruction import DISCRIMINATOR, Batch, LitReconstruction
from smalti.codebooks.quantizer import count_codes
from smalti.layers.frozen import Frozen
from smalti.losses.perceptual import Perceptual
from smalti.tokenizers.autoencoders import AnyDecoder
from smalti.tokenizers.vq_tokenizer import VQTokenizer


class LitDecoder(LitReconstruction):
    """Trains a decoder on the tokens of a frozen tokenizer, whose encoder and codebook are no part of this module."""

    network: AnyDecoder

    def __init__(
        self,
        network: AnyDecoder,
        tokenizer: Frozen[VQTokenizer],
        discriminator: nn.Module,
        perceptual: Perceptual,
        config: DecoderConfig,
    ) -> None:
        super().__init__(network, discriminator, perceptual, config, tokenizer.network.quantizer)
        self.tokenizer = tokenizer
        self.frozen["tokenizer"] = tokenizer.network

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        config, images, update = self.config, batch["images"], self.update
        tokens, latents = self.encode(images)  # z_q, by the frozen tokenizer
        reconstructions = self.network(latents)  # x'

        # Generator loss, minimised over G: SeQ-GAN eq. 2 without the terms that move only E and Z.
        pixel = self.pixel_loss(reconstructions, images)  # |x - x'|_1
        perceptual, tap_terms = self.perceptual_loss(reconstructions, images)  # L_low: alpha is 0 in the paper (eq. 3)
        reconstruction_loss = config.reconstruction_weight * pixel + config.perceptual.weight * perceptual
        adversarial, generator_terms = self.adversary.generator_loss(
            reconstructions, reconstruction_loss, self.network.last_layer, update
        )
        generator_loss = reconstruction_loss + adversarial

        # Discriminator loss, minimised over D: x is real, x' is fake.
        discriminator_loss, discriminator_terms = self.adversary.discriminator_loss(images, reconstructions, update)

        self.window.update(count_codes(tokens, self.num_codes, self.num_books))
        self.report_losses(
            {
                config.reconstruction: pixel,
                "perceptual": perceptual,
                **tap_terms,
                **generator_terms,
                **discriminator_terms,
            },
            len(images),
        )
        self.optimise(generator_loss + discriminator_loss, batch_idx, {DISCRIMINATOR: self.adversary.learns(update)})

    @torch.no_grad()
    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns tokens, and the latents (B, D, h, w) that the decoder reads, by the frozen tokenizer."""
        tokenizer = self.tokenizer.network
        tokens = tokenizer.encode(images)
        return tokens, tokenizer.quantizer.decode(tokens)

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        tokens, latents = self.encode(images)
        return self.averaged_network(latents).clamp(-1, 1), tokens
