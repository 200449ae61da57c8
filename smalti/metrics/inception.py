"""The Inception score."""

from torch import Tensor
from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, KEY_METRIC_ISC_STD, isc_features_to_metric

PARTS = 10  # Salimans et al. 2016: mean and deviation over ten parts


def inception_score(logits: Tensor) -> dict[str, float]:
    """Returns ``mean`` and ``std`` over PARTS parts of logits (M, 1008), taken in their order (Salimans et al. 2016).

    >>> import torch
    >>> certain = 1e3 * torch.eye(2).repeat(20, 1)  # two classes, each image sure of its own
    >>> inception_score(certain)
    {'mean': 2.0, 'std': 0.0}
    """
    found = isc_features_to_metric(logits.cpu(), splits=PARTS, shuffle=False)
    return {"mean": found[KEY_METRIC_ISC_MEAN], "std": found[KEY_METRIC_ISC_STD]}
