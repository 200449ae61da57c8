"""The patches that a code stands for."""

import numpy as np
import torch

from smalti.views.patches import CodePatches

F = 2


def images_of(tokens: np.ndarray) -> np.ndarray:
    """Images uint8 (B, 3, H, W) whose pixels are their tokens (B, h, w)."""
    return tokens.astype(np.uint8).repeat(F, 1).repeat(F, 2)[:, None].repeat(3, 1)


def test_a_patch_shows_its_code_in_the_middle_of_what_is_around_it() -> None:
    tokens = np.arange(2 * 9).reshape(2, 3, 3)
    patches = CodePatches([{0, 4, 17, 99}], most=2)
    patches.see(images_of(tokens), torch.from_numpy(tokens))
    found = patches.found[0]
    assert {code: len(several) for code, several in found.items()} == {0: 1, 4: 1, 17: 1, 99: 0}
    for code in (0, 4, 17):
        assert found[code][0].shape == (3, 3 * F, 3 * F) and (found[code][0][:, F:-F, F:-F] == code).all()
    assert found[4][0][0, ::F, ::F].tolist() == tokens[0].tolist()
    assert found[0][0][0, 0, 0] == 0  # mirrored at the corner


def test_each_image_gives_one_patch_and_a_book_its_own() -> None:
    tokens = np.zeros((5, 2, 2, 2), dtype=np.int64)
    tokens[:, 1] = 7
    patches = CodePatches([{0, 7}, {7}], most=3)
    images = images_of(np.arange(5)[:, None, None].repeat(2, 1).repeat(2, 2))
    patches.see(images[:2], torch.from_numpy(tokens[:2]))
    assert not patches.complete
    patches.see(images[2:], torch.from_numpy(tokens[2:]))
    assert [int(patch[0, 2, 2]) for patch in patches.found[1][7]] == [0, 1, 2]  # the first three images
    assert len(patches.found[0][0]) == 3 and patches.found[0][7] == [] and not patches.complete
    full = CodePatches([{0}, set()], most=1)
    full.see(images, torch.from_numpy(tokens))
    assert full.complete
