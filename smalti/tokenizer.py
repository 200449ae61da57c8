"""A trained tokenizer, ready to use."""

from pathlib import Path
from typing import Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from smalti.codebooks import empty_published
from smalti.config.saved import SavedTokenizer
from smalti.folder import describe, read_weights_of
from smalti.images import UnreadableImage, as_rgb, crop, decode, resize_short_side
from smalti.pixels import from_uint8
from smalti.saving import save
from smalti.tensors import load_strictly
from smalti.tokenizers.autoencoders import build_decoder, build_encoder
from smalti.tokenizers.vq_tokenizer import VQTokenizer


def build_tokenizer(saved: SavedTokenizer) -> VQTokenizer:
    """Returns the network that ``saved`` describes, not filled yet."""
    quantizer = empty_published(saved.quantizer, saved.autoencoder.latent_dim, saved.num_codes)
    decoder = build_decoder(saved.autoencoder, saved.attention)
    return VQTokenizer(build_encoder(saved.autoencoder, saved.image_size), quantizer, decoder)


class Tokenizer:
    """Images to tokens and back.

    ``network`` is the plain module, ``saved`` what a saved folder says of it. K codes, k books, h x w the grid.
    """

    def __init__(self, network: VQTokenizer, saved: SavedTokenizer) -> None:
        self.network, self.saved = network.eval().requires_grad_(False), saved

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
        network = build_tokenizer(saved)
        load_strictly(network, *read_weights_of(Path(folder), saved))
        return cls(network, saved).to(device)

    def save(self, folder: str | Path) -> None:
        """Writes config.json and model.safetensors into ``folder``, nothing else; ``load`` takes it back.

        Raises:
            ValueError: the folder holds a saved network already, or can't be written.
        """
        save(self.saved, self.network, Path(folder))

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
        """Pixels, of a side of the images that it was trained on."""
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
        ``image_size``, as in training.

        Raises:
            ValueError: a file that is no readable image.
        """
        found = []
        for image in images:
            square = crop(resize_short_side(_picture(image), self.image_size), self.image_size)
            found.append(torch.from_numpy(np.asarray(square).transpose(2, 0, 1).copy()))
        if not found:
            raise ValueError("read: no images given; name at least one file")
        return from_uint8(torch.stack(found)).to(self.device)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Returns tokens (B, h, w), or (B, k, h, w) of k > 1 books, int64 in [0, K), for images (B, 3, H, W).

        Raises:
            ValueError: another shape, or values outside of [-1, 1].
        """
        check_images(images, self.saved.autoencoder.factor)
        return self.network.encode(images.to(self.device))

    @torch.no_grad()
    def decode(self, tokens: Tensor) -> Tensor:
        """Returns images (B, 3, H, W) in [-1, 1] for tokens as ``encode`` gives them.

        Raises:
            ValueError: another shape, or tokens outside of [0, K).
        """
        dimensions = 3 if self.num_books == 1 else 4
        if tokens.ndim != dimensions or (dimensions == 4 and tokens.shape[1] != self.num_books):
            shape = "(B, h, w)" if dimensions == 3 else f"(B, {self.num_books}, h, w)"
            raise ValueError(f"tokens of shape {tuple(tokens.shape)}; this tokenizer's are {shape}")
        if tokens.is_floating_point() or (
            tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < self.num_codes
        ):
            raise ValueError(f"tokens: whole numbers in [0, {self.num_codes}) are needed")  # fmt: skip
        return self.network.decode(tokens.to(self.device, torch.int64))


def _picture(image: str | Path | Image.Image) -> Image.Image:
    if isinstance(image, Image.Image):
        return as_rgb(image)
    try:
        return decode(Path(image).read_bytes())
    except OSError as error:
        raise ValueError(f"{image}: cannot be read ({error.strerror})") from error
    except UnreadableImage as error:
        raise ValueError(f"{image}: no readable image ({error})") from error


def check_images(images: Tensor, factor: int) -> None:
    """Raises ValueError unless images are (B, 3, H, W), floats in [-1, 1], with sides that ``factor`` divides."""
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images of shape {tuple(images.shape)}; (B, 3, H, W) is needed")
    height, width = images.shape[2:]
    if height % factor or width % factor or not height or not width:
        raise ValueError(f"images of {height} x {width} px; both sides must be multiples of {factor}")
    if not images.is_floating_point():
        raise ValueError(
            f"images of {images.dtype}; floats in [-1, 1] are needed: smalti.pixels.from_uint8 scales uint8"
        )
    low, high = float(images.min()), float(images.max())
    if not -1.001 <= low <= high <= 1.001:  # rounding is let through, the overshoot of a bicubic resize isn't
        raise ValueError(
            f"images in [{low:.3g}, {high:.3g}]; [-1, 1] is needed: clamp them, or scale 0..255 by x / 127.5 - 1"
        )
