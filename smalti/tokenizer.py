"""A trained tokenizer, ready to use."""

from pathlib import Path
from typing import Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from smalti.card import card_of
from smalti.codebooks import empty_published
from smalti.config.saved import SavedTokenizer
from smalti.folder import describe, load_network
from smalti.hub import find_folder
from smalti.images import UnreadableImage, as_picture, crop, decode, resize_short_side
from smalti.pixels import from_uint8
from smalti.saving import save
from smalti.tokenizers.autoencoders import build_decoder, build_encoder
from smalti.tokenizers.vq_tokenizer import VQTokenizer


def build_tokenizer(saved: SavedTokenizer) -> VQTokenizer:
    """Returns the network that ``saved`` describes, not filled yet."""
    quantizer = empty_published(saved.quantizer, saved.autoencoder.latent_dim, saved.num_codes)
    decoder = build_decoder(saved.autoencoder, saved.attention)
    return VQTokenizer(build_encoder(saved.autoencoder, saved.image_size), quantizer, decoder)


class Tokenizer:
    """Images to tokens and back.

    ``network`` is the plain module, ``saved`` what a saved folder says of it. B batch, H W pixels, h w grid, K codes,
    k books.
    """

    def __init__(self, network: VQTokenizer, saved: SavedTokenizer, source: Path | None = None) -> None:
        """
        Args:
            source: the folder that it was loaded from, of which ``save`` tells on its card.
        """
        self.network, self.saved, self.source = network.eval().requires_grad_(False), saved, source

    def __repr__(self) -> str:
        kinds = f"{self.saved.autoencoder.kind}, {self.saved.quantizer.kind}"
        sizes = f"books={self.num_books}, codes={self.num_codes}, grid={self.grid}, image_size={self.image_size}"
        return f"Tokenizer({kinds}, {sizes})"

    @classmethod
    def load(cls, folder: str | Path, device: str | torch.device = "cpu") -> Self:
        """Returns the tokenizer in ``folder``: a published result of stage tokenizer (phase 1) or decoder (phase 2), or
        a folder that ``save`` wrote. Its weights are compared with their sha256.

        Raises:
            ValueError: the folder holds something else, or is damaged.
        """
        saved = describe(Path(folder))
        if not isinstance(saved, SavedTokenizer):
            raise ValueError(f"{folder}: holds a {saved.kind}, not a tokenizer; load it with smalti.Prior.load")
        return cls(load_network(Path(folder), saved, lambda: build_tokenizer(saved)), saved, Path(folder)).to(device)

    @classmethod
    def from_pretrained(
        cls, name: str | Path, *, revision: str | None = None, device: str | torch.device = "cpu"
    ) -> Self:
        """Returns the tokenizer in a folder, or in the repository OWNER/NAME of the Hugging Face hub.

        Args:
            revision: branch, tag or commit of the repository.

        Raises:
            ValueError: it can't be had, or as ``load``.
        """
        return cls.load(find_folder(name, revision), device)

    def save(self, folder: str | Path) -> None:
        """Writes config.json, model.safetensors and a card, README.md, into ``folder``; ``load`` takes it back.

        Raises:
            ValueError: the folder holds a saved network already, or can't be written.
        """
        save(self.saved, self.network, Path(folder), card_of(self.saved, self.source))

    def to(self, device: str | torch.device) -> Self:
        """Moves the network to ``device``; returns the tokenizer."""
        self.network.to(device)
        return self

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    @property
    def image_size(self) -> int:
        """Side of the images that it was trained on, in pixels."""
        return self.saved.image_size

    @property
    def num_books(self) -> int:
        """k."""
        return self.network.quantizer.num_books

    @property
    def num_codes(self) -> int:
        """K of each book."""
        return self.network.quantizer.num_codes

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the tokens of an image of ``image_size``."""
        side = self.image_size // self.saved.autoencoder.factor
        return side, side

    def read(self, *images: str | Path | Image.Image) -> Tensor:
        """Returns images (B, 3, S, S) in [-1, 1] for files or PIL images: RGB, the centre square, scaled to S =
        ``image_size``, as the images that a recipe scores.

        Raises:
            ValueError: none given, or one that is no readable image.
        """
        return read_images(self.image_size, *images).to(self.device)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Returns tokens (B, h, w), or (B, k, h, w) of k > 1 books, int64 in [0, K), for images (B, 3, H, W) in
        [-1, 1], whatever their size, as long as a token's side divides H and W.

        Raises:
            ValueError: another shape, or values outside of [-1, 1].
        """
        factor = self.saved.autoencoder.factor
        check_images(images, factor)
        if not len(images):
            books, (height, width) = (self.num_books,) * (self.num_books > 1), images.shape[2:]
            return torch.empty(0, *books, height // factor, width // factor, dtype=torch.int64, device=self.device)
        return self.network.encode(images.to(next(self.network.parameters())))

    @torch.no_grad()
    def decode(self, tokens: Tensor) -> Tensor:
        """Returns images (B, 3, H, W) in [-1, 1] for tokens as ``encode`` gives them, of any integer type.

        Raises:
            ValueError: another shape, or tokens outside of [0, K).
        """
        check_tokens(tokens, self.num_books, self.num_codes)
        if not len(tokens):
            height, width = (side * self.saved.autoencoder.factor for side in tokens.shape[-2:])
            return torch.empty(0, 3, height, width, device=self.device)
        return self.network.decode(tokens.to(self.device, torch.int64))


def read_images(size: int, *images: str | Path | Image.Image) -> Tensor:
    """Returns images (B, 3, size, size) in [-1, 1] for files or PIL images: RGB, the centre square, scaled.

    Raises:
        ValueError: none given, or one that is no readable image.
    """
    if not images:
        raise ValueError("read: no images given; name at least one file")
    found = []
    for number, image in enumerate(images):
        square = crop(resize_short_side(_picture(image, number), size), size)
        found.append(torch.from_numpy(np.asarray(square).transpose(2, 0, 1).copy()))
    return from_uint8(torch.stack(found))


def _picture(image: str | Path | Image.Image, number: int) -> Image.Image:
    if not isinstance(image, str | Path | Image.Image):
        raise ValueError(f"read: {type(image).__name__} given; it takes files and PIL images, one after another")
    name = f"PIL image {number}" if isinstance(image, Image.Image) else str(image)
    try:
        return as_picture(image) if isinstance(image, Image.Image) else decode(Path(image).read_bytes())
    except UnreadableImage as error:
        raise ValueError(f"{name}: no readable image ({error})") from error
    except OSError as error:
        raise ValueError(f"{name}: cannot be read ({error.strerror})") from error


def check_images(images: Tensor, factor: int) -> None:
    """Raises ValueError unless images are (B, 3, H, W), floats in [-1, 1], with sides that ``factor`` divides."""
    if not isinstance(images, Tensor):
        raise ValueError(
            f"images: {type(images).__name__} given, a tensor is needed; read() takes files and PIL images"
        )
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images of shape {tuple(images.shape)}; (B, 3, H, W) is needed")
    height, width = images.shape[2:]
    if height % factor or width % factor or not height or not width:
        raise ValueError(f"images of {height} x {width} px; both sides must be multiples of {factor}")
    if not images.is_floating_point():
        raise ValueError(
            f"images of {images.dtype}; floats in [-1, 1] are needed: smalti.pixels.from_uint8 scales uint8"
        )
    if not len(images):
        return
    low, high = float(images.min()), float(images.max())
    if low != low:
        raise ValueError("images: some values are NaN; [-1, 1] is needed")
    if not -1.001 <= low <= high <= 1.001:  # rounding is let through, the overshoot of a bicubic resize isn't
        raise ValueError(
            f"images in [{low:.3g}, {high:.3g}]; [-1, 1] is needed: clamp them, or scale 0..255 by x / 127.5 - 1"
        )


def check_tokens(tokens: Tensor, num_books: int, num_codes: int) -> None:
    """Raises ValueError unless tokens are (B, h, w), of k > 1 books (B, k, h, w), whole numbers in [0, K)."""
    if not isinstance(tokens, Tensor):
        raise ValueError(f"tokens: {type(tokens).__name__} given, a tensor is needed; torch.from_numpy makes one")
    shape = "(B, h, w)" if num_books == 1 else f"(B, {num_books}, h, w)"
    if tokens.ndim != (3 if num_books == 1 else 4) or (num_books > 1 and tokens.shape[1] != num_books):
        raise ValueError(f"tokens of shape {tuple(tokens.shape)}; those of this tokenizer are {shape}")
    if not all(tokens.shape[-2:]):
        raise ValueError(f"tokens of shape {tuple(tokens.shape)}: an image has at least one token")
    if tokens.is_floating_point() or tokens.is_complex() or tokens.dtype == torch.bool:
        raise ValueError(f"tokens of {tokens.dtype}; whole numbers in [0, {num_codes}) are needed")
    if not tokens.numel():
        return
    wide = tokens.to(torch.int64)  # PyTorch has no minimum of uint16
    low, high = int(wide.min()), int(wide.max())
    if low < 0 or high >= num_codes:
        raise ValueError(f"tokens from {low} to {high}; this tokenizer has codes 0 to {num_codes - 1}")
