"""The trainings of priors over latents: what each network is shown, and what its loss is."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from latents_support import DIT, SPACE, UNET
from torch import Tensor, nn

from configs.schema.dit_prior import DitPriorConfig
from configs.schema.ldm_prior import LdmPriorConfig
from configs.schema.sit_prior import SitPriorConfig
from configs.schema.training import OptimizerConfig, TrainingConfig
from lit_modules.dit_prior import LitDitPrior
from lit_modules.latent_prior import LitLatentPrior
from lit_modules.ldm_prior import LitLdmPrior
from lit_modules.sit_prior import LitSitPrior
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.layers.frozen import Frozen

KINDS: dict[str, tuple[type[LitLatentPrior], Any, Any]] = {
    "ldm": (LitLdmPrior, LdmPriorConfig, UNET),
    "dit": (LitDitPrior, DitPriorConfig, DIT),
    "sit": (LitSitPrior, SitPriorConfig, DIT),
}
MEAN, STD = torch.tensor([0.0, 5.0, -2.0]), torch.tensor([1.0, 0.1, 3.0])
BETAS = {
    # Rombach et al. (2022), configs/latent-diffusion/cin256-v2.yaml: linear in the root.
    "ldm": torch.linspace(0.0015**0.5, 0.0195**0.5, 1000, dtype=torch.float64).square(),
    # Ho et al. (2020), section 4.
    "dit": torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64),
}


@dataclass
class Shown:
    """What a network was shown and said, and the terms that were reported."""

    latents: list[Tensor] = field(default_factory=list)
    times: list[Tensor] = field(default_factory=list)
    labels: list[Tensor] = field(default_factory=list)
    said: list[Tensor] = field(default_factory=list)
    terms: dict[str, Tensor] = field(default_factory=dict)
    loss: Tensor = field(default_factory=lambda: torch.zeros(()))


def training(kind: str, monkeypatch: pytest.MonkeyPatch) -> tuple[LitLatentPrior, Shown]:
    """A training of a small network with weights that matter, and what it is shown."""
    module_class, config_class, network_config = KINDS[kind]
    network = PRIOR_KINDS[kind].build(network_config, SPACE)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2)
    network.set_statistics(MEAN, STD)
    config = config_class(
        network=network_config, training=TrainingConfig(updates=1, batch_size=3), optimizer=OptimizerConfig(lr=0.1),
        label_dropout=0.5,
    )  # fmt: skip
    module = module_class(network, config, 3, Frozen(nn.Identity()), SPACE.grid)  # type: ignore[arg-type]
    module.ema.module.load_state_dict(module.network.state_dict())
    shown = Shown()

    def note(network: nn.Module, given: tuple[Tensor, Tensor, Tensor], said: Tensor) -> None:
        for name, value in zip(("latents", "times", "labels"), given, strict=True):
            getattr(shown, name).append(value)
        shown.said.append(said.detach())

    for known in (module.network, module.averaged_network):
        known.register_forward_hook(note)
    monkeypatch.setattr(module, "report", lambda terms, batch_size: shown.terms.update(terms))
    monkeypatch.setattr(module, "optimise", lambda loss, batch_idx: setattr(shown, "loss", loss.detach()))
    return module, shown


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_network_is_shown_and_asked_for(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels are dropped by the first number of an image, its time is the second, and the noise is its own; the loss is
    written out in float64. The validation drops no label."""
    module, shown = training(kind, monkeypatch)
    standard, noise = torch.randn(3, 3, 4, 4), torch.randn(3, 3, 4, 4)
    numbers = torch.tensor([[0.4, 0.875], [0.6, 0.125], [0.5, 0.375]])
    batch = {
        "latents": standard * STD[:, None, None] + MEAN[:, None, None], "latent_noise": noise,
        "labels": torch.tensor([0, 1, 2]), "noise": numbers,
    }  # fmt: skip
    module.training_step(batch, 0)
    module.validation_step(batch, 0)
    assert [labels.tolist() for labels in shown.labels] == [[3, 1, 2], [0, 1, 2]]
    if kind == "sit":
        times, target = numbers[:, 1], standard - noise
        data, other = times.double(), 1 - times.double()
    else:
        times, target = torch.tensor([875.0, 125.0, 375.0]), noise
        remains = (1 - BETAS[kind]).cumprod(0)[times.long()]
        data, other = remains.sqrt(), (1 - remains).sqrt()
    noisy = data[:, None, None, None] * standard + other[:, None, None, None] * noise
    for given, time in zip(shown.latents, shown.times, strict=True):
        torch.testing.assert_close(time, times)
        torch.testing.assert_close(given.double(), noisy, rtol=1e-4, atol=1e-5)
    errors = [(said[:, :3].double() - target.double()).square().mean() for said in shown.said]
    simple = shown.terms["train/loss/noise"] if kind == "dit" else shown.terms["train/loss"]
    torch.testing.assert_close(simple.double(), errors[0], rtol=1e-4, atol=1e-5)
    bound = shown.terms["train/loss/bound"] if kind == "dit" else torch.zeros(())
    parts = {"train/loss/noise", "train/loss/bound"} if kind == "dit" else set()
    assert shown.terms.keys() == {"train/loss"} | parts
    assert shown.loss == shown.terms["train/loss"] and bool(bound > 0) is (kind == "dit")
    torch.testing.assert_close(shown.loss, simple + bound)
    if kind != "dit":
        torch.testing.assert_close(module.val_loss.compute().double(), errors[1], rtol=1e-4, atol=1e-5)
    else:
        assert module.val_loss.compute() > errors[1]


def test_a_validation_counts_nothing_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    module, _ = training("sit", monkeypatch)
    logged: list[Tensor] = []
    monkeypatch.setattr(module, "log", lambda name, value: logged.append(value))
    first, second = (
        {"latents": torch.randn(3, 3, 4, 4), "latent_noise": torch.randn(3, 3, 4, 4), "labels": torch.tensor([0, 1, 2]),
         "noise": torch.rand(3, 2)}
        for _ in range(2)
    )  # fmt: skip
    for batch in (second, first, second):
        module.validation_step(batch, 0)
        module.on_validation_epoch_end()
    assert logged[0] == logged[2] != logged[1]
