"""Phase 1: semantic compression. Encoder, codebook and decoder are trained together (SeQ-GAN section 3.4)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from configs.schema.tokenizer import TokenizerConfig
from lit_modules.reconstruction import Attempt, LitReconstruction
from smalti.losses.perceptual import Perceptual
from smalti.losses.representation import Teacher
from smalti.tokenizers.autoencoders import AnyDecoder
from smalti.tokenizers.vq_tokenizer import VQTokenizer


class LitTokenizer(LitReconstruction):
    """Trains a VQ tokenizer."""

    network: VQTokenizer

    def __init__(
        self,
        network: VQTokenizer,
        discriminator: nn.Module,
        perceptual: Perceptual,
        config: TokenizerConfig,
        teachers: Sequence[Teacher] = (),
    ) -> None:
        """
        Args:
            teachers: one for each predictor of ``network``, in their order.
        """
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
            quantizer=network.quantizer,
            fused=config.runtime.fused_optimizer,
        )
        self.quantizer_weight = config.quantizer_weight
        self.teachers = list(teachers)
        self.frozen |= network.quantizer.held()
        self.frozen |= {f"teacher {teacher.name}": teacher.network.network for teacher in teachers}

    def decoder(self) -> AnyDecoder:
        assert isinstance(self.network.decoder, AnyDecoder)
        return self.network.decoder

    def attempt(self, images: Tensor) -> Attempt:
        result = self.network(images)
        quantized = result.quantized
        terms = {f"quantizer/{name}": value for name, value in quantized.losses.items()}
        loss = self.quantizer_weight * quantized.loss
        for teacher, predicted in zip(self.teachers, result.predictions, strict=True):
            terms[f"representation/{teacher.name}"] = found = teacher.loss(predicted, images)
            loss = loss + teacher.weight * found
        return Attempt(result.images, loss, terms, quantized.counts)

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.averaged_network.encode(images)
        return self.averaged_network.decode(tokens), tokens
