"""Phase 1: semantic compression. Encoder, codebook and decoder are trained together (SeQ-GAN section 3.4)."""

import torch
from torch import Tensor, nn

from configs.stages import TokenizerConfig
from lit_modules.reconstruction import Attempt, LitReconstruction
from networks.autoencoder import Decoder
from networks.features import FeatureNetwork
from networks.frozen import Frozen
from networks.tokenizer import VQTokenizer


class LitTokenizer(LitReconstruction):
    """Trains a VQ tokenizer."""

    network: VQTokenizer

    def __init__(
        self,
        network: VQTokenizer,
        discriminator: nn.Module,
        features: Frozen[FeatureNetwork],
        config: TokenizerConfig,
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
            num_codes=network.quantizer.num_codes,
            fused=config.runtime.fused_optimizer,
        )
        self.quantizer_weight = config.quantizer_weight

    def decoder(self) -> Decoder:
        assert isinstance(self.network.decoder, Decoder)
        return self.network.decoder

    def attempt(self, images: Tensor) -> Attempt:
        result = self.network(images)
        quantized = result.quantized
        terms = {f"quantizer/{name}": value for name, value in quantized.losses.items()}
        return Attempt(result.images, self.quantizer_weight * quantized.loss, terms, quantized.counts)

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.averaged_network.encode(images)
        return self.averaged_network.decode(tokens), tokens
