"""The VQ tokenizer: encoder, codebook, decoder."""

from dataclasses import dataclass

from torch import Tensor, nn

from networks.quantizers import Quantized, Quantizer


@dataclass(frozen=True)
class Reconstruction:
    """``images`` (B, 3, H, W), unclamped, and what the quantiser said of the latents behind them."""

    images: Tensor
    quantized: Quantized


class VQTokenizer(nn.Module):
    """Images to tokens and back (SeQ-GAN section 3.1)."""

    def __init__(self, encoder: nn.Module, quantizer: Quantizer, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.quantizer, self.decoder = encoder, quantizer, decoder

    def encode(self, images: Tensor) -> Tensor:
        """Returns tokens (B, h, w) int64 for images (B, 3, H, W) in [-1, 1]."""
        return self.quantizer.encode(self.encoder(images))

    def decode(self, tokens: Tensor) -> Tensor:
        """Returns images (B, 3, H, W), clamped to [-1, 1], for tokens (B, h, w)."""
        return self.decoder(self.quantizer.decode(tokens)).clamp(-1, 1)

    def forward(self, images: Tensor) -> Reconstruction:
        quantized = self.quantizer(self.encoder(images))
        return Reconstruction(images=self.decoder(quantized.latents), quantized=quantized)
