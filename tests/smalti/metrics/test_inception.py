"""The Inception score against its definition in numpy and float64."""

import numpy as np
import torch

from smalti.metrics.inception import inception_score


def test_inception_score_is_exp_of_the_mean_divergence_of_each_tenth() -> None:
    logits = 3 * torch.randn(200, 12)
    exponentials = np.exp(logits.double().numpy())
    shares = exponentials / exponentials.sum(1, keepdims=True)
    scores = []
    for part in np.split(shares, 10):
        divergence = (part * np.log(part / part.mean(0))).sum(1)
        scores.append(np.exp(divergence.mean()))
    found = inception_score(logits)
    np.testing.assert_allclose((found["mean"], found["std"]), (np.mean(scores), np.std(scores)), rtol=1e-10)
