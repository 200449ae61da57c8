"""Kernel distances between two sets of features: KID, and CMMD over CLIP's."""

import torch
from torch import Tensor
from torch.nn import functional as F
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

from smalti.metrics.frechet import TooFewImages
from smalti.metrics.neighbours import squared_distances

SUBSETS, SUBSET = 100, 1000  # Binkowski et al. 2018; torch-fidelity's
CMMD_SIGMA, CMMD_SCALE = 10.0, 1000.0  # Jayasumana et al. 2024, section 4


def kernel_distance(
    samples: Tensor, reference: Tensor, subset: int = SUBSET, subsets: int = SUBSETS
) -> dict[str, float]:
    """Returns ``mean`` and ``std`` over subsets of the squared MMD between features (M, C) and (N, C) with the kernel
    (x.y / C + 1)^3, unbiased (Binkowski et al. 2018); by torch-fidelity, in float64, with its seed.

    Raises:
        TooFewImages: fewer images than a subset has.
    """
    if min(len(samples), len(reference)) < subset:
        raise TooFewImages(
            f"{len(samples)} samples and {len(reference)} reference images: KID takes subsets of {subset}; give as "
            "many, or take smaller subsets"
        )
    found = kid_features_to_metric(
        samples.double(), reference.double(), kid_subsets=subsets, kid_subset_size=subset, verbose=False
    )
    return {"mean": found[KEY_METRIC_KID_MEAN], "std": found[KEY_METRIC_KID_STD]}


def clip_distance(samples: Tensor, reference: Tensor) -> float:
    """Returns CMMD between CLIP embeddings (M, C) and (N, C): 1000 times the squared MMD of the embeddings, each of
    length 1, with a Gaussian kernel of sigma 10, biased, as its authors' code has it (Jayasumana et al. 2024).

    >>> embeddings = torch.eye(4)
    >>> clip_distance(embeddings, embeddings)
    0.0
    """
    a, b = (F.normalize(features.double(), dim=1) for features in (samples, reference))
    return CMMD_SCALE * (_mean_kernel(a, a) + _mean_kernel(b, b) - 2 * _mean_kernel(a, b))


def _mean_kernel(a: Tensor, b: Tensor) -> float:
    total = sum(float(torch.exp(distances / (-2 * CMMD_SIGMA**2)).sum()) for _, distances in squared_distances(a, b))
    return total / (len(a) * len(b))
