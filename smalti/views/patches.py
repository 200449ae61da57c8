"""The patches of images that a code stands for."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

AROUND = 1  # tokens on either side of a patch that are kept with it


class CodePatches:
    """Patches of images by the code of their token: of each of the ``wanted`` codes of each book up to ``most``, each
    from another image.

    A patch is kept with its surroundings, one token on either side, mirrored at the border.
    """

    def __init__(self, wanted: Sequence[set[int]], most: int) -> None:
        self.most = most
        self.found: list[dict[int, list[np.ndarray]]] = [{code: [] for code in sorted(codes)} for codes in wanted]

    def see(self, images: np.ndarray, tokens: Tensor) -> None:
        """Takes what is missing from images uint8 (B, 3, H, W) with tokens (B, h, w), or (B, k, h, w) of k books."""
        books = tokens.cpu().numpy()
        books = books.swapaxes(0, 1) if books.ndim == 4 else books[None]
        width = books.shape[-1]
        factor = images.shape[-1] // width
        side = factor * (1 + 2 * AROUND)
        margin = factor * AROUND
        for i, image in enumerate(images):
            framed = np.pad(image, ((0, 0), (margin, margin), (margin, margin)), mode="symmetric")
            for found, book in zip(self.found, books[:, i], strict=True):
                codes, places = np.unique(book, return_index=True)
                for code, place in zip(codes.tolist(), places.tolist(), strict=True):
                    patches = found.get(code)
                    if patches is not None and len(patches) < self.most:
                        row, column = (factor * part for part in divmod(place, width))
                        patches.append(framed[:, row : row + side, column : column + side])

    @property
    def complete(self) -> bool:
        """Whether every code has all its patches."""
        return all(len(patches) == self.most for found in self.found for patches in found.values())
