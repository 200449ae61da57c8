"""What comes out where one token of an image is another code."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from smalti.codebooks import Quantizer
from smalti.pixels import to_uint8
from smalti.views.code_tables import code_tables, nearest_others

REACH = 3  # tokens across of what is kept around a changed one; beyond it a decoder changes little


@dataclass(frozen=True)
class Alternatives:
    """One image's tokens changed one at a time: ``codes`` (k, N, m), the m nearest codes of each token of each book;
    ``windows`` uint8 (k, N, m, 3, S, S), the pixels around it when it is that code; ``corners`` (N, 2), the row and
    column of a window's first pixel."""

    codes: np.ndarray
    windows: np.ndarray
    corners: np.ndarray


def window_corners(grid: tuple[int, int], reach: int) -> np.ndarray:
    """Returns for each token (N, 2) the row and column of the first token of the window around it, which is moved
    inwards at the border.

    >>> window_corners((1, 4), 1).tolist(), window_corners((3, 3), 3)[8].tolist()
    ([[0, 0], [0, 1], [0, 2], [0, 3]], [0, 0])
    """
    rows, columns = (np.clip(np.arange(side) - reach // 2, 0, side - reach) for side in grid)
    return np.stack([rows.repeat(grid[1]), np.tile(columns, grid[0])], axis=1)


@torch.no_grad()
def alternatives(
    tokens: Tensor, quantizer: Quantizer, decode: Callable[[Tensor], Tensor], number: int, batch: int = 64
) -> Alternatives:
    """Returns the ``number`` nearest codes of each token of one image, (h, w) or (k, h, w), each decoded in its place.

    Args:
        decode: from tokens (B, h, w), or (B, k, h, w), to images in [-1, 1]; called with ``batch`` images at a time.

    Raises:
        ValueError: fewer other codes than ``number``.
    """
    books = tokens if quantizer.num_books > 1 else tokens[None]
    num_books, height, width = books.shape
    reach = min(REACH, height, width)
    codes = torch.stack([
        nearest_others(table, book.flatten(), number)
        for table, book in zip(code_tables(quantizer), books, strict=True)
    ])  # fmt: skip
    corners = window_corners((height, width), reach)
    changes = codes.flatten()
    places = torch.arange(len(changes), device=tokens.device) // number  # of books.flatten(), number times each
    windows = []
    for part in torch.arange(len(changes), device=tokens.device).split(batch):
        changed = books.flatten().repeat(len(part), 1)
        changed.scatter_(1, places[part][:, None], changes[part][:, None])
        images = to_uint8(decode(changed.view(len(part), *tokens.shape))).cpu().numpy()
        factor = images.shape[-1] // width
        for image, place in zip(images, places[part].tolist(), strict=True):
            top, left = corners[place % (height * width)] * factor
            windows.append(image[:, top : top + reach * factor, left : left + reach * factor])
    shape = (num_books, height * width, number, *windows[0].shape)
    return Alternatives(codes.cpu().numpy(), np.stack(windows).reshape(shape), corners * factor)
