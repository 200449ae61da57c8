"""Phase 2: detail restoration. The decoder alone is trained; tokens cannot change (SeQ-GAN section 3.4)."""

import torch
from torch import Tensor, nn

from configs.schema.decoder import DecoderConfig
from lit_modules.reconstruction import Attempt, LitReconstruction
from smalti.codebooks.quantizer import count_codes
from smalti.layers.frozen import Frozen
from smalti.losses.perceptual import Perceptual
from smalti.tokenizers.autoencoders import AnyDecoder
from smalti.tokenizers.vq_tokenizer import VQTokenizer


class LitDecoder(LitReconstruction):
    """Trains a decoder on the tokens of a frozen tokenizer; encoder and codebook are held outside the module."""

    network: AnyDecoder

    def __init__(
        self,
        network: AnyDecoder,
        tokenizer: Frozen[VQTokenizer],
        discriminator: nn.Module,
        perceptual: Perceptual,
        config: DecoderConfig,
    ) -> None:
        super().__init__(
            network,
            discriminator,
            perceptual,
            perceptual_weight=config.perceptual.weight,
            gan=config.gan,
            training=config.training,
            optimizers=[config.optimizer, config.discriminator_optimizer],
            reconstruction=config.reconstruction,
            reconstruction_weight=config.reconstruction_weight,
            quantizer=tokenizer.network.quantizer,
            fused=config.runtime.fused_optimizer,
        )
        self.tokenizer = tokenizer
        self.frozen["tokenizer"] = tokenizer.network

    def decoder(self) -> AnyDecoder:
        return self.network

    def attempt(self, images: Tensor) -> Attempt:
        tokenizer = self.tokenizer.network
        with torch.no_grad():
            tokens = tokenizer.encode(images)
            latents = tokenizer.quantizer.decode(tokens)
        counts = count_codes(tokens, self.num_codes, self.num_books)
        return Attempt(self.network(latents), images.new_zeros(()), {}, counts)

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        tokenizer = self.tokenizer.network
        tokens = tokenizer.encode(images)
        return self.averaged_network(tokenizer.quantizer.decode(tokens)).clamp(-1, 1), tokens
