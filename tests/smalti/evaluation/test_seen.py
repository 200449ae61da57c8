"""Digests of images: in their order, whatever the threads."""

import hashlib

import numpy as np
import pytest
import torch

from smalti.evaluation.seen import THREADS, Digests


@pytest.mark.parametrize("number", [0, 1, THREADS + 1, 5 * THREADS])
def test_digests_come_in_the_order_of_the_images(number: int) -> None:
    """Of batches of several sizes, later ones being hashed faster; and of views that aren't contiguous, as published
    samples are."""
    random, digests, expected = np.random.default_rng(0), Digests(), list[bytes]()
    for i in range(number):
        size = 1 + (number - i) * 8
        images = [np.moveaxis(random.integers(0, 256, (3, size, size + 1), dtype=np.uint8), 0, 2) for _ in range(3)]
        assert not images[0].flags.c_contiguous
        digests.add(images)
        expected += [hashlib.sha256(image.copy(order="C").tobytes()).digest() for image in images]
    found = digests.gather(torch.device("cpu"))
    assert found.shape == (3 * number, 32) and [bytes(row) for row in found.numpy()] == expected


def test_an_error_of_a_thread_is_raised() -> None:
    digests = Digests()
    digests.add(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not iterable"):
        digests.gather(torch.device("cpu"))
