"""Every kind of prior over latents behind the one interface."""

from dataclasses import replace

import pytest
import torch
from latents_support import DIT, SPACE, UNET
from torch import Tensor

from smalti.codebooks import FrozenCodebook
from smalti.config.latent_priors import LatentPriorNetworkConfig
from smalti.config.latent_sampling import DitSamplingConfig, LatentSamplingConfig, LdmSamplingConfig, SitSamplingConfig
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.config.sampling import GuidanceConfig
from smalti.priors.latent import LatentPrior
from smalti.samplers.draw import Drawn, make_draw

INDICES = list(range(6))

# A small network of each kind, and few steps.
KINDS: dict[str, tuple[LatentPriorNetworkConfig, LatentSamplingConfig]] = {
    "ldm": (UNET, LdmSamplingConfig(steps=4)),
    "dit": (DIT, DitSamplingConfig(steps=4)),
    "sit": (DIT, SitSamplingConfig(steps=2)),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def test_every_kind_is_here() -> None:
    missing = sorted({name for name, kind in PRIOR_KINDS.items() if kind.trains_on == "latents"} - KINDS.keys())
    assert not missing, f"add {missing} to KINDS of {__file__}, whose tests are then theirs too"


def build(kind: str) -> LatentPrior:
    """A prior with weights that matter, in float64, of latents that aren't standard."""
    prior: LatentPrior = PRIOR_KINDS[kind].build(KINDS[kind][0], SPACE)
    for parameter in prior.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    prior.set_statistics(torch.tensor([0.0, 5.0, -2.0]), torch.tensor([1.0, 0.1, 3.0]))
    return prior.double().eval()


def codebook() -> FrozenCodebook:
    return FrozenCodebook.of(torch.randn(11, 3) * torch.tensor([1.0, 0.1, 3.0]) + torch.tensor([0.0, 5.0, -2.0]))


def draw(kind: str, prior: LatentPrior, indices: list[int], seed: int = 7, shift: int = 0, scale: float = 1) -> Tensor:
    """Latents by few steps, the labels in turn from ``shift`` on."""
    settings = replace(KINDS[kind][1], guidance=GuidanceConfig(scale=(scale,)))
    labels = torch.tensor([(i + shift) % SPACE.num_classes for i in indices])
    found: Tensor = PRIOR_KINDS[kind].make_sampler(prior, settings, seed)(labels, indices)
    return found


@every_kind
def test_a_sample_is_a_function_of_label_seed_and_index(kind: str) -> None:
    prior = build(kind)
    whole = draw(kind, prior, INDICES)
    assert whole.shape == (len(INDICES), 3, 4, 4) and whole.isfinite().all()
    for part in ([4], [1, 3, 5], INDICES[::-1]):
        assert torch.equal(draw(kind, prior, part), whole[part]), "of another batch"
    for other in (draw(kind, prior, INDICES, seed=8), draw(kind, prior, INDICES, shift=1)):
        assert not torch.equal(other, whole)
    assert not torch.equal(draw(kind, prior, INDICES, scale=3), whole), "guidance moves it"


@every_kind
def test_what_is_drawn_is_quantised_unless_the_settings_say_otherwise(kind: str) -> None:
    """Tokens are those of the nearest codes, which are decoded; unquantised, the decoder is given the latents."""
    prior, quantizer = build(kind), codebook()
    labels, found = torch.zeros(2, dtype=torch.int64), list[Drawn]()
    for quantise in (True, False):
        settings = replace(KINDS[kind][1], quantise=quantise)
        found.append(make_draw(PRIOR_KINDS[kind], prior, settings, 7, quantizer, (4, 4))(labels, [0, 1]))
    latents = PRIOR_KINDS[kind].make_sampler(prior, KINDS[kind][1], 7)(labels, [0, 1])
    nearest = torch.cdist(latents.movedim(1, -1).flatten(0, 2), quantizer.codebook).argmin(1).view(2, 4, 4)
    for drawn in found:
        assert torch.equal(drawn.tokens, nearest)
    assert torch.equal(found[0].codes, quantizer.codebook[nearest].movedim(-1, 1))
    assert torch.equal(found[1].codes, latents)


@every_kind
def test_bfloat16_weights_leave_statistics_and_steps_in_float32(kind: str) -> None:
    prior = build(kind).float()
    exact = draw(kind, prior, INDICES)
    found = draw(kind, prior.bfloat16(), INDICES)
    assert prior.std.dtype == torch.float32 and found.dtype == torch.float32
    assert (found - exact).abs().mean() < 0.05 * exact.abs().mean(), "bfloat16 has nearly three digits"


@every_kind
def test_statistics_are_saved_with_the_weights(kind: str) -> None:
    prior, other = build(kind), PRIOR_KINDS[kind].build(KINDS[kind][0], SPACE).double()
    other.load_state_dict(prior.state_dict())
    assert torch.equal(draw(kind, other.eval(), INDICES), draw(kind, prior, INDICES))
