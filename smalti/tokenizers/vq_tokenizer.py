"""The VQ tokenizer: encoder, codebook, decoder."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from smalti.codebooks import FactorisedCodebooks, Quantized, Quantizer
from smalti.losses.feature_predictor import FeaturePredictor


@dataclass(frozen=True)
class Reconstruction:
    """``images`` (B, 3, H, W), unclamped, what the quantiser said of the latents behind them, and image features
    (B, C) that codes predict, if any do."""

    images: Tensor
    quantized: Quantized
    predictions: tuple[Tensor, ...] = ()


def on_grid(tokens: Tensor, grid: Sequence[int]) -> Tensor:
    """Returns a prior's tokens (B, k, N) as a tokenizer has them: (B, h, w), or (B, k, h, w) of several books.

    >>> on_grid(Tensor(3, 1, 4), (2, 2)).shape, on_grid(Tensor(3, 2, 4), (2, 2)).shape
    (torch.Size([3, 2, 2]), torch.Size([3, 2, 2, 2]))
    """
    placed = tokens.unflatten(-1, tuple(grid))
    return placed.squeeze(1) if tokens.shape[1] == 1 else placed


class VQTokenizer(nn.Module):
    """Images to tokens and back (SeQ-GAN section 3.1)."""

    def __init__(self, encoder: nn.Module, quantizer: Quantizer, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.quantizer, self.decoder = encoder, quantizer, decoder

    def encode(self, images: Tensor) -> Tensor:
        """Returns tokens (B, h, w) or (B, k, h, w) int64 for images (B, 3, H, W) in [-1, 1]."""
        return self.quantizer.encode(self.encoder(images))

    def decode(self, tokens: Tensor) -> Tensor:
        """Returns images (B, 3, H, W), clamped to [-1, 1], for tokens."""
        return self.decode_codes(self.quantizer.decode(tokens))

    def decode_codes(self, codes: Tensor) -> Tensor:
        """Returns images (B, 3, H, W), clamped to [-1, 1], for codes (B, D, h, w)."""
        return self.decoder(codes).clamp(-1, 1)

    def forward(self, images: Tensor) -> Reconstruction:
        quantized = self.quantizer(self.encoder(images))
        return Reconstruction(images=self.decoder(quantized.latents), quantized=quantized)


class PredictingTokenizer(VQTokenizer):
    """A tokenizer in training whose sub-codes also predict image features (FQGAN section 3.3).

    ``books[i]`` is the book that ``predictors[i]`` reads.
    """

    quantizer: FactorisedCodebooks

    def __init__(
        self,
        encoder: nn.Module,
        quantizer: FactorisedCodebooks,
        decoder: nn.Module,
        predictors: Sequence[FeaturePredictor],
        books: Sequence[int],
    ) -> None:
        super().__init__(encoder, quantizer, decoder)
        self.predictors, self.books = nn.ModuleList(predictors), list(books)

    def forward(self, images: Tensor) -> Reconstruction:
        plain = super().forward(images)
        shares = plain.quantized.latents.split(self.quantizer.widths, dim=1)
        pairs = zip(self.predictors, self.books, strict=True)
        predictions = tuple(predictor(shares[book]) for predictor, book in pairs)
        return Reconstruction(plain.images, plain.quantized, predictions)
