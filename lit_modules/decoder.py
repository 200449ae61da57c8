"""Phase 2: detail restoration. The decoder alone is trained; tokens cannot change (SeQ-GAN section 3.4)."""

import torch
from torch import Tensor, nn

from configs.stages import DecoderConfig
from lit_modules.reconstruction import Attempt, LitReconstruction
from networks.autoencoder import Decoder
from networks.features import FeatureNetwork
from networks.frozen import Frozen
from networks.tokenizer import VQTokenizer


class LitDecoder(LitReconstruction):
    """Trains a decoder on the tokens of a frozen tokenizer; encoder and codebook are held outside the module."""

    network: Decoder

    def __init__(
        self,
        network: Decoder,
        tokenizer: Frozen[VQTokenizer],
        discriminator: nn.Module,
        features: Frozen[FeatureNetwork],
        config: DecoderConfig,
    ) -> None:
        super().__init__(
            network,
            discriminator,
            features,
            perceptual=config.perceptual,
            gan=config.gan,
            training=config.training,
            optimizers=[config.optimizer, config.discriminator_optimizer],
            reconstruction_weight=config.reconstruction_weight,
            num_codes=tokenizer.network.quantizer.num_codes,
            fused=config.runtime.fused_optimizer,
        )
        self.tokenizer = tokenizer
        self.frozen["tokenizer"] = tokenizer.network

    def decoder(self) -> Decoder:
        return self.network

    def attempt(self, images: Tensor) -> Attempt:
        tokenizer = self.tokenizer.network
        with torch.no_grad():
            tokens = tokenizer.encode(images)
            latents = tokenizer.quantizer.decode(tokens)
        counts = torch.bincount(tokens.flatten(), minlength=tokenizer.quantizer.num_codes)
        return Attempt(self.network(latents), images.new_zeros(()), {}, counts)

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        tokenizer = self.tokenizer.network
        tokens = tokenizer.encode(images)
        return self.averaged_network(tokenizer.quantizer.decode(tokens)).clamp(-1, 1), tokens
