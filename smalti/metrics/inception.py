"""The Inception score."""

from torch import Tensor
from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, KEY_METRIC_ISC_STD, isc_features_to_metric

from smalti.metrics.frechet import TooFewImages

PARTS = 10  # Salimans et al. 2016: mean and deviation over ten parts


def inception_score(logits: Tensor, parts: int = PARTS) -> dict[str, float]:
    """Returns ``mean`` and ``std`` over parts of logits (M, 1008), taken in their order (Salimans et al. 2016).

    Raises:
        TooFewImages: fewer images than parts.

    >>> import torch
    >>> certain = 1e3 * torch.eye(2).repeat(20, 1)  # two classes, each image sure of its own
    >>> inception_score(certain)
    {'mean': 2.0, 'std': 0.0}
    """
    if len(logits) < parts:
        raise TooFewImages(f"{len(logits)} images for {parts} parts of the Inception score; give more images")
    found = isc_features_to_metric(logits.cpu(), splits=parts, shuffle=False)
    return {"mean": found[KEY_METRIC_ISC_MEAN], "std": found[KEY_METRIC_ISC_STD]}
