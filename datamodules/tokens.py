"""What trainings of priors over tokens are given of rows."""

from collections.abc import Sequence

import numpy as np
import torch

from datamodules.rows import Batch


def token_batch(tokens: np.ndarray, labels: np.ndarray, random: Sequence[np.random.Generator]) -> Batch:
    """Returns tokens int64 (B, k, N) of (B, N) or (B, k, N); labels (B,), -1 for none; and float32 uniform in [0, 1):
    noise (B, 2), for the label and for the share of masked tokens, and token_noise (B, 2, k, N), two numbers for each
    token. Each row has ``random`` numbers of its own."""
    books = tokens.astype(np.int64).reshape(len(tokens), -1, tokens.shape[-1])
    noise = np.empty((len(books), 2), dtype=np.float32)
    token_noise = np.empty((len(books), 2 * books[0].size), dtype=np.float32)
    for row, numbers in enumerate(random):
        numbers.random(dtype=np.float32, out=noise[row])
        numbers.random(dtype=np.float32, out=token_noise[row])
    return {
        "tokens": torch.from_numpy(books),
        "labels": torch.from_numpy(labels),
        "noise": torch.from_numpy(noise),
        "token_noise": torch.from_numpy(token_noise).view(len(books), 2, *books.shape[1:]),
    }
