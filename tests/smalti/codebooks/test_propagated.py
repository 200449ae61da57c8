"""The codebook that chooses by dot product, beside IBQ's equations written out with one-hot matrices in float64."""

import pytest
import torch
from torch.nn import functional as F

from smalti.codebooks.propagated import DotProductCodebook, IndexPropagation, logit_entropies
from smalti.config.codebooks import IndexPropagationConfig


def written_out(latents: torch.Tensor, rows: torch.Tensor, config: IndexPropagationConfig) -> tuple[torch.Tensor, ...]:
    """Quantised latents (B, D, h, w) and the loss, as the paper has them."""
    if config.normalised:
        latents, rows = F.normalize(latents, dim=1), F.normalize(rows, dim=1)
    logits = torch.einsum("bdhw,kd->bkhw", latents, rows)
    soft = logits.softmax(1)
    hard = F.one_hot(logits.argmax(1), len(rows)).movedim(-1, 1).to(soft)
    one_hot = hard - soft.detach() + soft
    quantised, plain = (torch.einsum("bkhw,kd->bdhw", choice, rows) for choice in (one_hot, hard))
    loss = ((quantised - latents) ** 2).mean() + ((plain.detach() - latents) ** 2).mean()
    loss = loss + config.commitment_weight * ((plain - latents.detach()) ** 2).mean()
    share = (logits / config.entropy_temperature).softmax(1).movedim(1, -1).flatten(0, -2)
    mean = share.mean(0)
    entropies = -torch.xlogy(share, share).sum(1).mean() + torch.xlogy(mean, mean).sum()
    return quantised, loss + config.entropy_weight * entropies


@pytest.mark.parametrize("normalised", [False, True])
def test_values_and_gradients_are_those_of_the_paper(normalised: bool) -> None:
    """A temperature of 1 keeps all assignments away from 0, where float64 would lose the entropies' slope."""
    config = IndexPropagationConfig(num_codes=7, normalised=normalised, entropy_temperature=1.0)
    quantizer = IndexPropagation(config, 5).double()
    quantizer.codebook.data.normal_()
    latents = torch.randn(2, 5, 3, 3, dtype=torch.float64, requires_grad=True)
    direction = torch.randn(2, 5, 3, 3, dtype=torch.float64)
    found = quantizer(latents)
    expected, loss = written_out(latents, quantizer.codebook, config)
    torch.testing.assert_close(found.latents, expected)
    torch.testing.assert_close(found.loss, loss)
    inputs = (latents, quantizer.codebook)
    own = torch.autograd.grad(found.loss + (found.latents * direction).sum(), inputs)
    theirs = torch.autograd.grad(loss + (expected * direction).sum(), inputs)
    for gradient, other in zip(own, theirs, strict=True):
        torch.testing.assert_close(gradient, other)
    assert (own[1].abs().sum(1) > 0).all(), "every row moves, also those that no latent has chosen"


def test_a_long_row_is_chosen_before_a_near_one() -> None:
    codebook = DotProductCodebook.of(torch.tensor([[1.0, 0.0], [5.0, 1.0], [-9.0, 0.0]]))
    latents = torch.tensor([[1.0, 0.0], [-0.1, 0.0]]).T.reshape(1, 2, 1, 2)
    assert codebook.encode(latents).tolist() == [[[1, 2]]]


def test_entropies_of_all_codes_in_use_and_of_one() -> None:
    """ln K for codes that are used alike, 0 for one alone; 0 for tokens that are sure, ln K for those that aren't."""
    sure, even = torch.eye(4) * 200, torch.zeros(4, 4)
    log = torch.tensor(4.0).log()
    torch.testing.assert_close(torch.stack(logit_entropies(sure)), torch.stack([log, torch.tensor(0.0)]))
    torch.testing.assert_close(torch.stack(logit_entropies(sure[:1])), torch.zeros(2))
    torch.testing.assert_close(torch.stack(logit_entropies(even)), torch.stack([log, log]))
