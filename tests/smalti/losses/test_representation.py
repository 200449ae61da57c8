"""Codes that predict image features: the loss against its formula in float64."""

import math

import pytest
import torch
from torch import Tensor

from smalti.config.losses import PredictorConfig
from smalti.losses.feature_predictor import FeaturePredictor, info_nce


def direct(predicted: Tensor, targets: Tensor, own: Tensor, temperature: float) -> Tensor:
    """-log(exp(s_ii) / sum_j exp(s_ij)) written out, s the cosine over the temperature, float64."""
    p, t = (x.double() / x.double().norm(dim=1, keepdim=True) for x in (predicted, targets))
    similarity = torch.einsum("ic,jc->ij", p, t) / temperature
    rows = torch.arange(len(p))
    return -(similarity.exp()[rows, own] / similarity.exp().sum(1)).log().mean()


@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_loss_and_gradient_are_those_of_the_formula(temperature: float) -> None:
    predicted, targets = torch.randn(5, 7, requires_grad=True), torch.randn(9, 7)
    own = torch.tensor([4, 0, 8, 2, 3])
    loss, expected = info_nce(predicted, targets, own, temperature), direct(predicted, targets, own, temperature)
    torch.testing.assert_close(loss.double(), expected, rtol=1e-5, atol=1e-6)
    gradients = [torch.autograd.grad(value, predicted, retain_graph=True)[0] for value in (loss, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


def test_what_a_perfect_and_a_released_loss_can_reach() -> None:
    """Orthonormal features: ln(1 + (B - 1) exp(-1/T)). At T = 1, the released form, that is still near chance."""
    features, own = torch.eye(16), torch.arange(16)
    for temperature in (0.07, 1.0):
        least = math.log1p(15 * math.exp(-1 / temperature))
        assert info_nce(features, features, own, temperature).item() == pytest.approx(least, abs=1e-5)
    assert info_nce(features, features, own, 1.0) > math.log(16) - 1


def test_a_predictor_learns_which_image_its_codes_came_from() -> None:
    """Codes that carry the target are told apart; the class token reads all positions, so one alone suffices."""
    predictor = FeaturePredictor(PredictorConfig(num_layers=1, num_heads=2), code_dim=4, num_tokens=9, width=8)
    targets, own = torch.randn(12, 8), torch.arange(12)
    codes = torch.zeros(12, 4, 3, 3)
    codes[:, :, 2, 1] = targets @ (torch.randn(8, 4) / 3)
    optimizer = torch.optim.Adam(predictor.parameters(), 1e-2)
    for _ in range(60):
        loss = info_nce(predictor(codes), targets, own, 0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < math.log(12) / 4
    blank = info_nce(predictor(torch.zeros_like(codes)), targets, own, 0.1)
    assert blank > math.log(12) * 0.9, "nothing else tells the images apart"
    assert all(parameter.grad is not None for parameter in predictor.parameters())


def test_a_predictor_begins_with_tokens_as_long_as_its_layers_want() -> None:
    """Positions and the class token with a deviation of width^-1/2: of length 1 on average."""
    predictor = FeaturePredictor(PredictorConfig(num_layers=1, num_heads=2), code_dim=4, num_tokens=99, width=64)
    for rows in (predictor.positions[0], predictor.token[0]):
        assert rows.norm(dim=1).mean().item() == pytest.approx(1, abs=0.25)


def test_bfloat16_training_does_not_round_the_contrast() -> None:
    """Features with much in common differ in what bfloat16 drops."""
    targets = torch.randn(8, 64) + 10
    predicted, own = targets + 0.1 * torch.randn(8, 64), torch.arange(8)
    expected = info_nce(predicted, targets, own, 0.01)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(info_nce(predicted, targets, own, 0.01), expected, rtol=1e-6, atol=0)
