"""What the page does with pictures, tokens and classes. S is the side of the tokenizer's images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import max_pool2d

from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.config.saved import SavedPrior
from smalti.folder import describe
from smalti.metrics.reconstruction import peak_signal_to_noise
from smalti.pixels import to_uint8
from smalti.prior import Prior
from smalti.saving import CONFIG, TOKENIZER
from smalti.tokenizer import Tokenizer

SHOWN = 256  # px; smaller images are enlarged by whole pixels
PAINTED = -0.8  # a tenth white: what lies beyond is the overshoot of scaling
SPREAD = 2654435761  # odd, near 2**32 / the golden ratio: neighbouring codes get colours far apart (Knuth, TAOCP 6.4)


@dataclass(frozen=True)
class Models:
    """A tokenizer and the priors over its tokens, by the titles that the page shows."""

    tokenizer: Tokenizer
    priors: dict[str, Prior]

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> "Models":
        """Returns what ``folder`` holds: a saved tokenizer, or, as 'pipeline export' writes them, one in ``tokenizer``
        and saved priors beside it.

        Raises:
            ValueError: neither; or one of them is damaged, or a prior of another tokenizer.
        """
        if not (folder / TOKENIZER / CONFIG).is_file():
            return cls(Tokenizer.load(folder, device), {})
        tokenizer = Tokenizer.load(folder / TOKENIZER, device)
        found = [path.parent for path in sorted(folder.glob(f"*/{CONFIG}"))]
        priors = [Prior.load(path, tokenizer) for path in found if isinstance(describe(path), SavedPrior)]
        return cls(tokenizer, {PRIOR_KINDS[prior.saved.prior].title: prior for prior in priors})

    def reconstruct(self, picture: Image.Image) -> tuple[list[tuple[Image.Image, str]], str]:
        """Returns titled pictures (what is given, its reconstruction, the tokens of each book), and a line on them."""
        images = self.tokenizer.read(picture)
        tokens = self.tokenizer.encode(images)
        decoded = self.tokenizer.decode(tokens)
        books = tokens[0] if tokens.ndim == 4 else tokens
        names = ["tokens"] if len(books) == 1 else [f"tokens of book {number}" for number in range(1, len(books) + 1)]
        shown = [(pictured(images[0]), "given"), (pictured(decoded[0].clamp(-1, 1)), "reconstruction")]
        shown += [
            (token_picture(book, self.tokenizer.image_size), name) for book, name in zip(books, names, strict=True)
        ]
        rows, columns = books.shape[1:]
        codes = " + ".join(str(len(book.unique())) for book in books)
        quality = float(peak_signal_to_noise(decoded, images)[0])
        return shown, f"{rows} x {columns} tokens, different codes: {codes}; PSNR {quality:.1f} dB"

    def generate(
        self, title: str, class_name: str | None, number: int, seed: int, guidance: Sequence[float] | None
    ) -> list[Image.Image]:
        """Returns so many images of a class, None for a prior without classes; ValueError as Prior.generate."""
        prior = self.priors[title]
        chosen: dict[str, Any] = {"num": number} if class_name is None else {"classes": [class_name] * number}
        return [pictured(image) for image in prior.generate(**chosen, seed=seed, guidance=guidance)]

    def complete(
        self, title: str, picture: Image.Image, painted: Image.Image, class_name: str | None, seed: int,
        guidance: Sequence[float] | None,
    ) -> list[tuple[Image.Image, str]]:  # fmt: skip
        """Returns titled pictures: what is kept, and the image with everything painted drawn anew.

        Args:
            painted: of the picture's size, white where it is painted and black elsewhere.

        Raises:
            ValueError: nothing is painted, or as Prior.complete.
        """
        prior, tokenizer = self.priors[title], self.tokenizer
        anew = painted_tokens(tokenizer.read(painted)[0, 0], tokenizer.grid)
        if not bool(anew.any()):
            raise ValueError("nothing is painted: paint over what the prior shall draw anew")
        if prior.saved.prior == "ar":  # draws in raster order: the first row with paint, and all below
            anew = anew.any(dim=1).cummax(dim=0).values[:, None].expand(tokenizer.grid)
        tokens = tokenizer.encode(tokenizer.read(picture))
        classes = None if class_name is None else [class_name]
        whole = tokenizer.decode(prior.complete(tokens, ~anew, classes, seed=seed, guidance=guidance))
        hole = anew.repeat_interleave(tokenizer.saved.autoencoder.factor, 0)
        hole = hole.repeat_interleave(tokenizer.saved.autoencoder.factor, 1).to(whole.device)
        kept = tokenizer.decode(tokens).masked_fill(hole, 0.0)
        return [(pictured(kept[0]), "kept"), (pictured(whole[0]), "completed")]


def pictured(image: Tensor) -> Image.Image:
    """Returns a picture of an image (3, H, W) in [-1, 1], at least 256 px wide."""
    return enlarged(Image.fromarray(to_uint8(image).permute(1, 2, 0).cpu().numpy()))


def enlarged(picture: Image.Image) -> Image.Image:
    """Returns a small picture enlarged by whole pixels."""
    times = max(1, SHOWN // picture.width)
    return picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)


def token_picture(tokens: Tensor, side: int) -> Image.Image:
    """Returns tokens (h, w) as a picture of about ``side`` px, a colour a code."""
    mixed = (tokens.cpu().to(torch.int64) * SPREAD) % 2**32
    colours = torch.stack([mixed >> shift & 255 for shift in (24, 16, 8)], -1).to(torch.uint8)
    times = max(1, side // tokens.shape[1])
    small = Image.fromarray(colours.numpy())
    return enlarged(small.resize((small.width * times, small.height * times), Image.Resampling.NEAREST))


def painted_tokens(paint: Tensor, grid: Sequence[int]) -> Tensor:
    """Returns which tokens (h, w), bool, have a painted pixel: a tenth of it is white, of ``paint`` (S, S) in [-1, 1].

    >>> painted_tokens(torch.tensor([[-1.0, 1.0], [-1.0, -1.0]]), (1, 2))
    tensor([[False,  True]])
    """
    rows, columns = grid
    sides = paint.shape[0] // rows, paint.shape[1] // columns
    return max_pool2d(paint[None, None].cpu(), sides)[0, 0] > PAINTED
