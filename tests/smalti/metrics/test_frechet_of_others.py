"""The Frechet distance and the Inception score beside torch-fidelity's and clean-fid's, on the same features."""

import numpy as np
import pytest
import torch
from cleanfid.fid import frechet_distance as clean_fid
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from smalti.metrics.frechet import FeatureStatistics, Statistics


def test_distance_is_theirs() -> None:
    one, two = torch.randn(300, 24) @ torch.randn(24, 24), torch.randn(260, 24) @ torch.randn(24, 24) + 0.3
    own = []
    for features in (one, two):
        sums = FeatureStatistics(24)
        sums.update(features)
        own.append(Statistics(*sums.compute()))
    found = own[0].distance(own[1])
    of_fidelity = fid_statistics_to_metric(
        fid_features_to_statistics(one.double()), fid_features_to_statistics(two.double()), verbose=False
    )
    assert found == pytest.approx(of_fidelity["frechet_inception_distance"], rel=1e-6)
    a, b = one.double().numpy(), two.double().numpy()
    of_clean_fid = clean_fid(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))
    assert found == pytest.approx(of_clean_fid, rel=1e-6)
