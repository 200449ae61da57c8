"""What every prior over latents has: statistics, standardised latents, "no class"."""

import pytest
import torch

from smalti.config.latent_priors import LatentPriorNetworkConfig, LatentSpace
from smalti.priors.latent import LatentPrior

SPACE = LatentSpace(num_channels=3, grid=(2, 4), num_classes=5)


def prior() -> LatentPrior:
    return LatentPrior(LatentPriorNetworkConfig(), SPACE)


def test_latents_are_standardised_by_channel_and_restored() -> None:
    torch.manual_seed(0)
    network, latents = prior(), 3 * torch.randn(50, 3, 2, 4) + torch.tensor([1.0, 0.0, -9.0])[:, None, None]
    torch.testing.assert_close(network.standardise(latents), latents)  # nothing known yet: mean 0, deviation 1
    network.set_statistics(latents.double().mean((0, 2, 3)), latents.double().std((0, 2, 3), correction=0))
    found = network.standardise(latents.half())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.mean((0, 2, 3)), torch.zeros(3), atol=5e-3, rtol=0)
    torch.testing.assert_close(found.var((0, 2, 3), correction=0), torch.ones(3), atol=5e-3, rtol=0)
    torch.testing.assert_close(network.restore(network.standardise(latents)), latents)


def test_statistics_are_published_with_the_weights() -> None:
    one, other = prior(), prior()
    one.set_statistics(torch.tensor([1.0, 2, 3]), torch.tensor([4.0, 5, 6]))
    other.load_state_dict(one.state_dict())
    assert other.mean.tolist() == [1, 2, 3] and other.std.tolist() == [4, 5, 6]
    assert other.mean.dtype == torch.float32 and not list(one.parameters())


def test_a_label_can_mean_no_class() -> None:
    assert prior().nothing(torch.tensor([0, 4])).tolist() == [5, 5]


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ([0.0, 0, 0], [1.0, 0, 1], "channel 1 of the latents has zero variance"),
        ([0.0, 0, 0], [0.0, 1, 0], "channel 0, 2 of the latents has zero variance"),
        ([0.0, 0, float("nan")], [1.0, 1, 1], "mean of channel 2 isn't finite"),
        ([0.0, 0], [1.0, 1], r"mean of shape \[2\]: the latents have 3 channels"),
    ],
)
def test_statistics_that_can_not_be_are_refused(mean: list[float], std: list[float], message: str) -> None:
    network = prior()
    with pytest.raises(ValueError, match=message):
        network.set_statistics(torch.tensor(mean), torch.tensor(std))
    assert network.std.tolist() == [1, 1, 1]


def test_a_space_is_read_from_the_facts() -> None:
    assert LatentSpace.of({"latent_dim": 3, "grid": [2, 4], "class_names": list("abcde"), "other": 1}) == SPACE
