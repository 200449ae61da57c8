"""What all trainings share: one update, done by hand.

Manual optimisation everywhere, so that a GAN's two optimisers and a prior's one follow one rule: accumulate, refuse
non-finite gradients, clip, set the learning rate from the update, step, average.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from configs.schema.training import OptimizerConfig, TrainingConfig
from lit_modules.average import averaged
from lit_modules.schedule import build_optimizer, learning_rate

MAX_SKIPPED = 20  # updates with non-finite gradients in a row before the stage stops


class NonFinite(ValueError):
    """Too many updates in a row had non-finite gradients."""


class LitTraining(LightningModule):
    """A network that is trained (``network``), its average (``ema``), and the update.

    Subclasses say what the loss is. ``frozen`` lists networks that are used but not trained, for the start-up table.
    """

    skipped: Tensor

    def __init__(
        self, network: nn.Module, training: TrainingConfig, optimizers: Sequence[OptimizerConfig], fused: bool
    ) -> None:
        """
        Args:
            optimizers: one for each of ``trained_networks``, in their order.
            fused: run-time choice of the optimiser's kernel.
        """
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        self.ema: AveragedModel = averaged(network, training.ema_decay)
        self.training_config, self.fused = training, fused
        self.optimizer_configs = list(optimizers)
        self.frozen: dict[str, nn.Module] = {}
        self.terms: dict[str, Tensor] = {}  # what this very batch reported; callback_metrics also keeps older values
        self.register_buffer("skipped", torch.zeros(2, dtype=torch.int64))  # in all, in a row

    @property
    def update(self) -> int:
        """Updates done so far. The discriminator's steps don't count (see ``hide_from_global_step``)."""
        return self.trainer.global_step

    @property
    def averaged_network(self) -> Any:
        """The network with averaged weights, in eval mode: what is validated and published."""
        return self.ema.module

    def trained_networks(self) -> list[nn.Module]:
        """Returns one network for each optimiser."""
        return [self.network]

    def compiled_parts(self) -> list[nn.Module]:
        """Returns the parts that are called as modules in an update; ``torch.compile`` reaches nothing else."""
        return [self.network]

    def configure_optimizers(self) -> Any:
        pairs = zip(self.optimizer_configs, self.trained_networks(), strict=True)
        return [build_optimizer(config, network, self.fused) for config, network in pairs]

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self.terms = {}

    def report(self, terms: Mapping[str, Tensor], batch_size: int = 1) -> None:
        """Logs values of this batch, by name."""
        detached = {name: value.detach() for name, value in terms.items()}
        self.terms |= detached
        self.log_dict(detached, batch_size=batch_size)

    def on_fit_start(self) -> None:
        self.move_frozen()

    def move_frozen(self) -> None:
        """Moves the frozen networks to where this module is."""
        for network in self.frozen.values():
            network.to(self.device)

    def optimise(self, loss: Tensor, batch_idx: int, active: Mapping[int, bool] | None = None) -> None:
        """Backward, and at the end of the accumulation one update of each optimiser that is ``active``."""
        accumulation = self.training_config.accumulation
        self.manual_backward(loss / accumulation)
        if (batch_idx + 1) % accumulation:
            return
        optimizers = self.optimizers(use_pl_optimizer=True)
        optimizers = optimizers if isinstance(optimizers, list) else [optimizers]
        good = self._clip_and_check(optimizers)
        for number, (optimizer, config) in enumerate(zip(optimizers, self.optimizer_configs, strict=True)):
            if not good or not (active or {}).get(number, True):
                # Adam passes over parameters without gradient: the update counts, nothing moves.
                optimizer.zero_grad(set_to_none=True)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(config, self.update, self.training_config.updates)
            if number:
                hide_from_global_step(optimizer)
        for optimizer in reversed(optimizers):  # the first one, which counts, last
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if good:
            self.ema.update_parameters(self.network)

    def _clip_and_check(self, optimizers: list[LightningOptimizer]) -> bool:
        """Clips each optimiser's gradients; returns whether all are finite, and counts if not."""
        good = True
        for number, (optimizer, config) in enumerate(zip(optimizers, self.optimizer_configs, strict=True)):
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            limit = float("inf") if config.clip_norm is None else config.clip_norm
            norm = nn.utils.clip_grad_norm_(parameters, limit)
            good = good and bool(norm.isfinite())
            self.report({f"gradient_norm/{number}": norm})
        self.skipped[0] += not good
        self.skipped[1] = 0 if good else self.skipped[1] + 1
        if self.skipped[1] >= MAX_SKIPPED:
            terms = {name: float(value) for name, value in self.terms.items()}
            raise NonFinite(
                f"{MAX_SKIPPED} updates in a row had non-finite gradients, at update {self.update}: {terms}"
            )
        return good


def hide_from_global_step(optimizer: LightningOptimizer) -> None:
    """Keeps this optimiser's steps out of ``global_step`` (Lightning counts every one in manual mode, issue 17958).

    Otherwise max_steps, checkpoints and all schedules misfire. The two hooks are private and are set anew by Lightning
    for each batch; a test pins that they work.
    """
    optimizer._on_before_step = optimizer._on_after_step = lambda: None
