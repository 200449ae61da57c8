"""What trainings of priors over latents are given of a row."""

import numpy as np
import torch

from datamodules.rows import Batch


def latent_item(latents: np.ndarray, label: int, random: np.random.Generator) -> Batch:
    """Returns latents float32 (D, h, w) of one view; its label, or -1; noise (2,) float32 uniform in [0, 1), for the
    label and for the time; and latent_noise (D, h, w) float32, standard normal."""
    return {
        "latents": torch.from_numpy(latents.astype(np.float32)),
        "labels": torch.tensor(label),
        "noise": torch.from_numpy(random.random(2, dtype=np.float32)),
        "latent_noise": torch.from_numpy(random.standard_normal(latents.shape, dtype=np.float32)),
    }
