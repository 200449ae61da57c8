"""The tokens of samples, counted: what VQGAN-LC's Tables 4 and 5 call utilisation."""

import numpy as np
import torch
from torch import Tensor

from datamodules.shards import ShardReader
from smalti.artifact import Artifact
from smalti.codebooks.quantizer import count_codes
from smalti.metrics.codebook import usage

ROWS = 65_536  # read at once


def count_generated(samples: Artifact, prior: str) -> Tensor:
    """Returns how often each code of each book occurs in the samples of a prior, int64 (k, K)."""
    num_books, num_codes = samples.facts["num_books"], samples.facts["num_codes"]
    reader = ShardReader(sorted((samples.path / prior).glob("tokens-*.npy")))
    counts = torch.zeros(num_books, num_codes, dtype=torch.int64)
    for start in range(0, len(reader), ROWS):
        tokens = reader.gather(np.arange(start, min(start + ROWS, len(reader))), "int64")
        counts += count_codes(torch.from_numpy(tokens), num_codes, num_books)
    return counts


def generated_usage(samples: Artifact) -> dict[str, dict[str, float]]:
    """Returns usage, entropy and perplexity of the samples of each prior, over all books and of each of several."""
    return {
        prior: {name: float(value) for name, value in usage(count_generated(samples, prior)).items()}
        for prior in samples.facts["priors"]
    }
