"""Tokens changed one at a time, through a decoder that paints each token in the colours of its codes."""

import numpy as np
import torch
from torch import Tensor

from smalti.codebooks import FactorisedCodebooks
from smalti.codebooks.factorised import encoder_penalty
from smalti.codebooks.frozen import FrozenCodebook
from smalti.views.alternatives import alternatives, window_corners

LINE = FrozenCodebook.of(torch.arange(8.0)[:, None])  # code i lies at i
F = 2  # pixels of a token's side


def painted(tokens: Tensor) -> Tensor:
    """Red is the code of the first book, green that of the second, blue 0, in levels of 255; (B, 3, H, W)."""
    books = tokens if tokens.ndim == 4 else tokens[:, None]
    levels = torch.zeros(len(books), 3, *books.shape[2:])
    levels[:, : books.shape[1]] = books.float()
    return (levels / 127.5 - 1).repeat_interleave(F, 2).repeat_interleave(F, 3)


def test_a_window_is_the_image_of_the_changed_tokens() -> None:
    tokens = torch.arange(20).view(4, 5) % 8
    found = alternatives(tokens, LINE, painted, number=2, batch=7)
    assert found.codes.shape == (1, 20, 2) and found.windows.shape == (1, 20, 2, 3, 3 * F, 3 * F)
    assert found.codes[0, 3].tolist() == [2, 4] and found.codes[0, 0].tolist() == [1, 2]
    for place in range(20):
        top, left = found.corners[place]
        for near in range(2):
            changed = tokens.numpy().copy()
            changed[place // 5, place % 5] = found.codes[0, place, near]
            image = changed.repeat(F, 0).repeat(F, 1)
            np.testing.assert_array_equal(
                found.windows[0, place, near, 0], image[top : top + 3 * F, left : left + 3 * F]
            )


def test_one_book_changes_and_the_other_stays() -> None:
    books = FactorisedCodebooks([LINE, LINE], ["a", "b"], 0.0, encoder_penalty)
    tokens = torch.stack([torch.full((2, 2), 3), torch.full((2, 2), 6)])
    found = alternatives(tokens, books, painted, number=1)
    assert found.windows.shape == (2, 4, 1, 3, 2 * F, 2 * F)  # no larger than the image
    red, green = found.windows[0, 0, 0], found.windows[1, 0, 0]
    assert red[0, 0, 0] == found.codes[0, 0, 0] != 3 and (red[1] == 6).all()
    assert green[1, 0, 0] == found.codes[1, 0, 0] != 6 and (green[0] == 3).all()


def test_windows_lie_around_their_token_and_within_the_image() -> None:
    corners = window_corners((4, 5), 3)
    rows, columns = np.divmod(np.arange(20), 5)
    assert corners.min() == 0 and corners[:, 0].max() == 1 and corners[:, 1].max() == 2
    for corner, place in ((corners[:, 0], rows), (corners[:, 1], columns)):
        assert ((corner <= place) & (place < corner + 3)).all()
    assert corners[7].tolist() == [0, 1]  # row 1, column 2: in the middle of its window
