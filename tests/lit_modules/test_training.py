"""The update itself: what counts, what is skipped, what a resume repeats."""

import math
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import SMOKE, run_stage_here
from lightning.pytorch import Callback, LightningModule, Trainer
from tests_support import with_inputs_of
from torch import nn
from torch.utils.data import DataLoader

from callbacks.checkpoints import Checkpoints
from callbacks.preemption import Preempted, Preemption
from configs.schema.training import GanConfig, OptimizerConfig, TrainingConfig
from lit_modules.adversary import Adversary
from lit_modules.average import averaged
from lit_modules.schedule import build_optimizer, learning_rate
from lit_modules.training import MAX_SKIPPED, LitTraining, NonFinite, hide_from_global_step
from pipeline.graph import Recipe
from pipeline.store import Store


class TwoOptimisers(LitTraining):
    """Generator and discriminator as single numbers; the second optimiser starts late. ``bad`` batches give NaN."""

    def __init__(self, updates: int, start: int = 3, bad: frozenset[int] = frozenset(), accumulation: int = 1) -> None:
        training = TrainingConfig(updates=updates, batch_size=1, accumulation=accumulation)
        optimizers = [OptimizerConfig(lr=0.1), OptimizerConfig(lr=0.1, weight_decay=0.1)]
        super().__init__(nn.Linear(1, 1), training, optimizers, fused=False)
        self.other = nn.Linear(1, 1)
        self.start, self.bad = start, bad
        self.seen: list[tuple[int, float]] = []

    def trained_networks(self) -> list[nn.Module]:
        return [self.network, self.other]

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> None:
        self.seen.append((self.update, self.other.weight.item()))
        loss = self.network(batch).mean() + self.other(batch).mean()
        self.optimise(loss * (math.nan if batch_idx in self.bad else 1), batch_idx, {1: self.update >= self.start})


def trained(module: TwoOptimisers, tmp_path: Path, callbacks: list[Callback] | None = None) -> Trainer:
    trainer = Trainer(
        max_steps=module.training_config.updates, max_epochs=-1, accelerator="cpu", logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
        callbacks=callbacks,
    )  # fmt: skip
    trainer.fit(module, DataLoader(torch.ones(200, 1), batch_size=1))
    return trainer


def test_frozen_networks_follow_their_user() -> None:
    """To the device of a training, and back from it."""
    module = TwoOptimisers(updates=1)
    module.frozen = {"teacher": nn.Linear(1, 1)}
    module.to("meta").move_frozen()
    assert module.frozen["teacher"].weight.is_meta


def test_global_step_counts_updates_of_the_first_optimiser_alone(tmp_path: Path) -> None:
    """Lightning counts every optimiser's step in manual mode; schedules and checkpoints go by global_step here."""
    module = TwoOptimisers(updates=10)
    trainer = trained(module, tmp_path)
    assert trainer.global_step == 10
    assert [update for update, _ in module.seen] == list(range(10))


def test_an_inactive_optimiser_moves_nothing(tmp_path: Path) -> None:
    module = TwoOptimisers(updates=6, start=3)
    before = module.other.weight.item()
    trained(module, tmp_path)
    values = [value for _, value in module.seen]
    assert values[:4] == [before] * 4 and values[4] != before


def test_accumulation_makes_one_update_of_several_batches(tmp_path: Path) -> None:
    module = TwoOptimisers(updates=5, accumulation=3)
    trained(module, tmp_path)
    assert [update for update, _ in module.seen] == [i // 3 for i in range(15)]


def test_an_accumulated_gradient_is_the_mean_over_its_batches(tmp_path: Path) -> None:
    """d(wx + b) at x = 1 is (1, 1), whatever the number of batches; Adam alone wouldn't tell 3 times that apart."""
    for accumulation in (1, 3):
        module = TwoOptimisers(updates=2, accumulation=accumulation)
        trained(module, tmp_path)
        assert module.terms["gradient_norm/0"].item() == pytest.approx(math.sqrt(2))


def test_a_resume_within_an_accumulation_saves_no_half_update(tmp_path: Path) -> None:
    """Lightning would save the update that it came from once more, after a micro-batch whose gradients it drops."""
    for updates, start in ((3, None), (6, tmp_path / "step=00000003.ckpt")):
        saved(tmp_path, updates, Checkpoints(tmp_path, every=1, validate_every=6), start)
    assert [path.name for path in sorted(tmp_path.glob("*.ckpt"))] == [f"step={n:08d}.ckpt" for n in range(1, 7)]


def saved(folder: Path, updates: int, checkpoints: Checkpoints, start: Path | None = None) -> None:
    """Trains up to so many updates, of two micro-batches each, and saves them."""
    trainer = Trainer(
        max_steps=updates, max_epochs=-1, accelerator="cpu", logger=False, enable_progress_bar=False,
        callbacks=[checkpoints], enable_model_summary=False, default_root_dir=folder,
    )  # fmt: skip
    loader = DataLoader(torch.ones(200, 1), batch_size=1)
    trainer.fit(TwoOptimisers(updates=6, accumulation=2), loader, ckpt_path=start, weights_only=True)


def test_a_checkpoint_before_each_validation(tmp_path: Path) -> None:
    """So that a signal may cut it short; and every so many updates besides, each of them once."""
    saved(tmp_path, 7, Checkpoints(tmp_path, every=4, validate_every=2))
    assert [path.name for path in sorted(tmp_path.glob("*.ckpt"))] == [f"step={n:08d}.ckpt" for n in (2, 4, 6)]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT"])
def test_a_signal_ends_the_training_after_its_update(name: str, tmp_path: Path) -> None:
    """With everything saved, and the handlers put back."""
    before = signal.getsignal(signal.Signals[name])

    class Sent(Callback):
        def on_train_batch_start(
            self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
        ) -> None:
            if batch_idx == 4:  # the first half of the third update
                signal.raise_signal(signal.Signals[name])

    trainer = Trainer(
        max_steps=6, max_epochs=-1, accelerator="cpu", logger=False, enable_progress_bar=False,
        callbacks=[Sent(), Preemption(tmp_path, 75)], enable_checkpointing=False, enable_model_summary=False,
        default_root_dir=tmp_path,
    )  # fmt: skip
    with pytest.raises(Preempted) as end:
        trainer.fit(TwoOptimisers(updates=6, accumulation=2), DataLoader(torch.ones(200, 1), batch_size=1))
    assert end.value.code == 75 and signal.getsignal(signal.Signals[name]) == before
    (saved_there,) = tmp_path.glob("*.ckpt")
    assert saved_there.name == "stopped-step=00000003.ckpt"
    assert torch.load(saved_there, weights_only=True)["global_step"] == 3


def test_non_finite_updates_are_skipped_and_counted(tmp_path: Path) -> None:
    module = TwoOptimisers(updates=6, bad=frozenset({1, 2}))
    trainer = trained(module, tmp_path)
    assert trainer.global_step == 6 and module.skipped.tolist() == [2, 0]
    assert module.network.weight.isfinite().all()
    with pytest.raises(NonFinite, match=f"{MAX_SKIPPED} updates in a row"):
        trained(TwoOptimisers(updates=50, bad=frozenset(range(50))), tmp_path)


def test_a_refused_update_leaves_the_average_alone(tmp_path: Path) -> None:
    """By hand: the average of the weights after the finite updates, each with its share (1 + t) / (10 + t)."""
    module = TwoOptimisers(updates=5, bad=frozenset({1, 3}))
    weights: list[float] = []

    class Noted(Callback):
        def on_train_batch_end(
            self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
        ) -> None:
            if batch_idx not in module.bad:
                weights.append(module.network.weight.item())

    trained(module, tmp_path, [Noted()])
    average = weights[0]
    for t, weight in enumerate(weights[1:], 1):
        share = (1 + t) / (10 + t)
        average = share * average + (1 - share) * weight
    assert len(weights) == 3 and module.averaged_network.weight.item() == pytest.approx(average, rel=1e-6)
    assert int(module.ema.n_averaged) == 3


def test_schedule_ends_where_the_paper_says() -> None:
    """SeQ-GAN Table 10: exponential from 80,000 to 5e-6, linear from 50,000 to 0."""
    ar = OptimizerConfig(lr=1e-4, decay="exponential", decay_start=80_000, end_lr=5e-6)
    assert learning_rate(ar, 80_000, 1_500_000) == 1e-4
    assert learning_rate(ar, 1_500_000, 1_500_000) == pytest.approx(5e-6)
    assert learning_rate(ar, 790_000, 1_500_000) == pytest.approx(math.sqrt(1e-4 * 5e-6))
    nar = OptimizerConfig(lr=1e-4, decay="linear", decay_start=50_000)
    assert learning_rate(nar, 775_000, 1_500_000) == pytest.approx(5e-5)


def test_schedule_of_open_magvit2() -> None:
    """Tokenizer: a tenth after 200 and after 250 epochs. Prior: 6 epochs of warm-up, then the rate for 5 % of the rest,
    then a straight line to a tenth, by the formula of its code."""
    tokenizer = OptimizerConfig(lr=1e-4, drops=(1_001_000, 1_251_250))
    for update, expected in ((0, 1e-4), (1_000_999, 1e-4), (1_001_000, 1e-5), (1_251_250, 1e-6), (1_351_349, 1e-6)):
        assert learning_rate(tokenizer, update, 1_351_350) == pytest.approx(expected)
    prior = OptimizerConfig(lr=3e-4, warmup=10_014, decay="linear", decay_start=34_548, end_lr=3e-5)
    last = 500_700
    for update in (10_014, 20_000, 34_548, 40_000, 200_000, last - 1):
        done = (update - 10_014) / (last - 1 - 10_014)
        released = 3e-4 * (1 if done < 0.05 else 0.1 + 0.9 * (1 - done) / 0.95)
        assert learning_rate(prior, update, last) == pytest.approx(released, rel=1e-3)
    assert learning_rate(prior, 5_006, last) == pytest.approx(1.5e-4, rel=0.01)


def test_weight_decay_touches_matrices_alone() -> None:
    network = nn.Sequential(nn.Embedding(4, 4), nn.Linear(4, 4), nn.LayerNorm(4))
    decayed, free = build_optimizer(OptimizerConfig(lr=1.0, weight_decay=0.5), network, fused=False).param_groups
    assert decayed["weight_decay"] == 0.5 and decayed["params"] == [network[1].weight]
    assert free["weight_decay"] == 0 and len(free["params"]) == 4


@pytest.mark.parametrize("fused", [True, False])
def test_the_optimiser_is_fused_where_it_is_asked_for(fused: bool) -> None:
    assert bool(build_optimizer(OptimizerConfig(lr=1.0), nn.Linear(1, 1), fused).defaults["fused"]) is fused


def test_average_follows_its_formula() -> None:
    network = nn.Linear(1, 1, bias=False)
    ema, expected = averaged(network, 0.5), network.weight.detach().clone()
    for t in range(6):
        network.weight.data += 1
        ema.update_parameters(network)
        if t == 0:
            expected = network.weight.detach().clone()  # the first average is the network itself
        else:
            decay = min(0.5, (1 + t) / (10 + t))
            expected = decay * expected + (1 - decay) * network.weight.detach()
        torch.testing.assert_close(ema.module.weight, expected)
    assert not any(p.requires_grad for p in ema.parameters())


def test_without_decay_there_is_no_average() -> None:
    """To the bit, after every update, however large the numbers are: VQGAN-LC's GPT is published as it is trained."""
    network = nn.Linear(3, 3)
    ema = averaged(network, 0.0)
    for scale in (1.0, 1e-30, 1e30, 3.0):
        nn.init.normal_(network.weight, std=scale)
        ema.update_parameters(network)
        assert torch.equal(ema.module.weight, network.weight) and torch.equal(ema.module.bias, network.bias)


def test_gan_weight_rises_after_its_start() -> None:
    adversary = Adversary(nn.Identity(), GanConfig(weight=0.4, discriminator_start=5, generator_start=10, ramp=3))
    assert [adversary.learns(update) for update in (4, 5)] == [False, True]
    assert [round(adversary.weight(update), 6) for update in (9, 10, 11, 12, 13, 99)] == [0, 0.1, 0.2, 0.3, 0.4, 0.4]


def test_lecam_is_added_to_the_discriminators_loss_alone() -> None:
    """Open-MAGVIT2's sum, written out: hinge, and 0.05 of the distance to the averages of 0.1 of the batch's means."""
    config = GanConfig(loss="hinge_softplus", weight=0.1, lecam_weight=0.05, lecam_decay=0.9)
    adversary = Adversary(nn.Identity(), config)
    real, fake = torch.tensor([[2.0, 0.5]]), torch.tensor([[-3.0, 1.0]])
    loss, terms = adversary.discriminator_loss(real, fake, 0)
    of_real, of_fake = 0.1 * 1.25, 0.1 * -1.0
    lecam = ((2.0 - of_fake) ** 2 + (0.5 - of_fake) ** 2) / 2 + ((of_real + 3.0) ** 2 + 0.0) / 2
    assert terms["gan/lecam"].item() == pytest.approx(lecam)
    assert loss.item() == pytest.approx(((0.0 + 0.5) / 2 + (0.0 + 2.0) / 2) / 2 + 0.05 * lecam)
    generator, _ = adversary.generator_loss(fake, torch.zeros(()), fake, 0)
    assert generator.item() == pytest.approx(0.1 * math.log(1 + math.exp(1.0)))
    assert list(adversary.state_dict()) == ["lecam.averages"]
    assert not Adversary(nn.Identity(), GanConfig()).state_dict(), "checkpoints without it stay as they were"


class Stop(Callback):
    """Sends a real signal to this process in the middle of an update."""

    def __init__(self, update: int) -> None:
        self.at = update

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.at:
            signal.raise_signal(signal.SIGUSR1)


class StopInValidation(Callback):
    """Sends a real signal to this process in the middle of a validation."""

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        signal.raise_signal(signal.SIGUSR1)


@pytest.mark.parametrize(
    ("stage", "stop", "checkpoint"),
    [
        ("decoder", Stop(12), "stopped-step=00000013.ckpt"),
        ("nar_prior", Stop(12), "stopped-step=00000013.ckpt"),
        ("classifier", Stop(12), "stopped-step=00000013.ckpt"),
        ("decoder", StopInValidation(), "step=00000013.ckpt"),  # which may take longer than the notice
    ],
)
def test_a_stopped_training_goes_on_exactly(
    stage: str, stop: Callback, checkpoint: str, smoke_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """13 updates, a signal, exit code 75, the same command again: bit-equal to 20 in one go, curves included."""
    import importlib

    store = Store(smoke_runs)
    expected = Recipe(SMOKE).status(store)[stage].artifact
    assert expected
    runs = with_inputs_of(smoke_runs, stage, tmp_path / "runs")
    trains = {"nar_prior": "stages.training.prior_training", "decoder": "stages.training.image_training"}
    module = importlib.import_module(trains.get(stage, f"stages.{stage}"))
    original = module.training_trainer

    def with_stop(job: Any, training: Any, callbacks: Any) -> Trainer:
        return original(job, training, [*callbacks, stop])

    monkeypatch.setattr(module, "training_trainer", with_stop)
    with pytest.raises(Preempted) as stopped:
        run_stage_here(stage, SMOKE, runs)
    assert stopped.value.code == 75
    monkeypatch.setattr(module, "training_trainer", original)
    assert Recipe(SMOKE).status(Store(runs))[stage].state == "resumable"
    capsys.readouterr()
    run_stage_here(stage, SMOKE, runs)
    assert f"resuming from {checkpoint}" in capsys.readouterr().out
    resumed = Recipe(SMOKE).status(Store(runs))[stage].artifact
    assert resumed and resumed.digest == expected.digest
    assert resumed.file("curves.csv").read_text() == expected.file("curves.csv").read_text()


def test_hidden_steps_need_lightnings_hooks() -> None:
    """The two private names that ``hide_from_global_step`` replaces still exist in Lightning."""
    from lightning.pytorch.core.optimizer import LightningOptimizer

    optimizer = LightningOptimizer(torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0))
    assert callable(optimizer._on_before_step) and callable(optimizer._on_after_step)
    hide_from_global_step(optimizer)
