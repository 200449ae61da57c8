"""What trainings of priors over tokens are given of a row."""

import numpy as np
import torch

from datamodules.rows import Batch


def token_item(tokens: np.ndarray, label: int, random: np.random.Generator) -> Batch:
    """Returns tokens int64 (k, N) of one view, (N,) or (k, N); its label, or -1; and float32 uniform in [0, 1): noise
    (2,), for the label and for the share of masked tokens, and token_noise (2, k, N), two numbers for each token."""
    return {
        "tokens": torch.from_numpy(tokens.astype(np.int64)).view(-1, tokens.shape[-1]),
        "labels": torch.tensor(label),
        "noise": torch.from_numpy(random.random(2, dtype=np.float32)),
        "token_noise": torch.from_numpy(random.random(2 * tokens.size, dtype=np.float32)).view(2, -1, tokens.shape[-1]),
    }
