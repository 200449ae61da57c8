"""Phase 1: semantic compression. Encoder, codebook and decoder are trained together (SeQ-GAN section 3.4).

In the paper's letters: x images, E encoder, Z codebook, G decoder, z_q the codes nearest to E(x), x' = G(z_q), D
discriminator.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from configs.schema.tokenizer import TokenizerConfig
from lit_modules.reconstruction import DISCRIMINATOR, Batch, LitReconstruction
from smalti.losses.perceptual import Perceptual
from smalti.losses.representation import Teacher
from smalti.tokenizers.autoencoders import AnyDecoder
from smalti.tokenizers.vq_tokenizer import VQTokenizer


class LitTokenizer(LitReconstruction):
    """Trains a VQ tokenizer."""

    network: VQTokenizer
    config: TokenizerConfig

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
            teachers: one for each predictor of ``network``, in the same order.
        """
        super().__init__(network, discriminator, perceptual, config, network.quantizer)
        self.teachers = list(teachers)
        self.frozen |= network.quantizer.held()
        self.frozen |= {f"teacher {teacher.name}": teacher.network.network for teacher in teachers}

    def compiled_parts(self) -> list[nn.Module]:
        network = self.network
        if network.quantizer.keeps_statistics:
            return [network.encoder, network.decoder]
        return [network]

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        config, images, update = self.config, batch["images"], self.update
        output = self.network(images)
        reconstructions, quantized = output.images, output.quantized  # x' and z_q

        # Generator loss, minimised over E, Z and G: L_vq + L_per + L_adv (SeQ-GAN eq. 2).
        pixel = self.pixel_loss(reconstructions, images)  # |x - x'|_1
        quantizer = quantized.loss  # |sg[E(x)] - z_q|^2 + beta |sg[z_q] - E(x)|^2, and regularisers such as entropy
        perceptual, tap_terms = self.perceptual_loss(reconstructions, images)  # alpha L_sem + (1 - alpha) L_low (eq. 3)
        reconstruction_loss = config.reconstruction_weight * pixel + config.perceptual.weight * perceptual
        adversarial, generator_terms = self.adversary.generator_loss(
            reconstructions, reconstruction_loss, self.decoder.last_layer, update
        )
        representation, teacher_terms = self.representation_loss(output.predictions, images)
        generator_loss = (
            reconstruction_loss  # the first term of L_vq, and L_per
            + config.quantizer_weight * quantizer  # the rest of L_vq
            + adversarial  # L_adv
            + representation  # FQGAN's; 0 in SeQ-GAN
        )

        # Discriminator loss, minimised over D: x is real, x' is fake.
        discriminator_loss, discriminator_terms = self.adversary.discriminator_loss(images, reconstructions, update)

        self.window.update(quantized.counts)
        self.report_losses(
            {
                config.reconstruction: pixel,
                "perceptual": perceptual,
                **tap_terms,
                **{f"quantizer/{name}": value for name, value in quantized.losses.items()},
                **teacher_terms,
                **generator_terms,
                **discriminator_terms,
            },
            len(images),
        )
        # Neither loss has a gradient to the other's weights, so that one backward pass serves both.
        self.optimise(generator_loss + discriminator_loss, batch_idx, {DISCRIMINATOR: self.adversary.learns(update)})

    @property
    def decoder(self) -> AnyDecoder:
        """The trained decoder G."""
        assert isinstance(self.network.decoder, AnyDecoder)
        return self.network.decoder

    def representation_loss(self, predictions: Sequence[Tensor], images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the weighted sum of the teachers' losses (FQGAN section 3.3), 0 without any, and each raw one."""
        loss, terms = images.new_zeros(()), {}
        for teacher, prediction in zip(self.teachers, predictions, strict=True):
            terms[f"representation/{teacher.name}"] = raw = teacher.loss(prediction, images)
            loss = loss + teacher.weight * raw
        return loss, terms

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.averaged_network.encode(images)
        return self.averaged_network.decode(tokens), tokens
