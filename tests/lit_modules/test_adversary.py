"""The discriminator's loss with its penalty, by hand."""

import pytest
import torch
from torch import Tensor, nn

from configs.schema.training import GanConfig
from lit_modules.adversary import Adversary


class Linear(nn.Module):
    """D(x) = w . x, whose gradient is w everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(12))

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weight


@pytest.mark.parametrize(("update", "penalised"), [(0, True), (1, False), (3, False), (4, True)])
def test_r1_is_half_gamma_times_the_squared_gradient_of_the_updates_that_it_stands_for(
    update: int, penalised: bool
) -> None:
    """gamma / 2 |grad D|^2 (Mescheder et al. 2018), times ``r1_every`` as StyleGAN2's lazy regulariser has it."""
    network, real, fake = Linear(), torch.randn(5, 3, 2, 2), torch.randn(5, 3, 2, 2)
    plain, _ = Adversary(network, GanConfig()).discriminator_loss(real, fake, update)
    loss, terms = Adversary(network, GanConfig(r1_weight=10.0, r1_every=4)).discriminator_loss(real, fake, update)
    expected = 10.0 / 2 * 4 * network.weight.square().sum() if penalised else torch.zeros(())
    torch.testing.assert_close(loss - plain, expected, rtol=1e-4, atol=1e-4)
    assert ("gan/r1" in terms) == penalised
