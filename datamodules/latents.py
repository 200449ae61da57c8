"""What trainings of priors over latents are given of rows."""

from collections.abc import Sequence

import numpy as np
import torch

from datamodules.rows import Batch


def latent_batch(latents: np.ndarray, labels: np.ndarray, random: Sequence[np.random.Generator]) -> Batch:
    """Returns latents float32 (B, D, h, w); labels (B,), -1 for none; noise (B, 2) float32 uniform in [0, 1), for the
    label and for the time; and latent_noise (B, D, h, w) float32, standard normal. Each row has ``random`` numbers of
    its own."""
    noise = np.empty((len(latents), 2), dtype=np.float32)
    latent_noise = np.empty(latents.shape, dtype=np.float32)
    for row, numbers in enumerate(random):
        numbers.random(dtype=np.float32, out=noise[row])
        numbers.standard_normal(dtype=np.float32, out=latent_noise[row])
    return {
        "latents": torch.from_numpy(latents.astype(np.float32)),
        "labels": torch.from_numpy(labels),
        "noise": torch.from_numpy(noise),
        "latent_noise": torch.from_numpy(latent_noise),
    }
