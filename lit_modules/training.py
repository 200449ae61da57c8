"""What all trainings share: the update of the weights.

Optimisation is manual in all of them, so that a GAN's two optimisers and a prior's one follow the same rule:
accumulate, skip non-finite gradients, clip, set the learning rate of the update, step, average.
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
from lit_modules.sharing import whole

MAX_SKIPPED = 20  # updates with non-finite gradients in a row before the stage stops


class NonFinite(ValueError):
    """Raised when too many updates in a row had non-finite gradients."""


class LitTraining(LightningModule):
    """Trains ``network`` and keeps a moving average of its weights, ``ema``. Subclasses compute the loss.

    ``frozen`` names the networks that are used but not trained; they are in no checkpoint.
    """

    skipped: Tensor

    def __init__(
        self, network: nn.Module, training: TrainingConfig, optimizers: Sequence[OptimizerConfig], fused: bool
    ) -> None:
        """
        Args:
            optimizers: one for each of ``trained_networks``, in their order.
            fused: whether the optimisers use their fused kernel, which changes speed alone.
        """
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        self.ema: AveragedModel = averaged(network, training.ema_decay)
        self.training_config, self.fused = training, fused
        self.optimizer_configs = list(optimizers)
        self.frozen: dict[str, nn.Module] = {}
        self.terms: dict[str, Tensor] = {}  # what the current batch reported; callback_metrics keeps older values too
        self.register_buffer("skipped", torch.zeros(2, dtype=torch.int64))  # updates: in all, in a row

    @property
    def update(self) -> int:
        """Number of updates so far. The discriminator's steps don't count (see ``hide_from_global_step``)."""
        return self.trainer.global_step

    @property
    def averaged_network(self) -> Any:
        """The network with averaged weights, in eval mode: what is validated and published."""
        return self.ema.module

    def trained_networks(self) -> list[nn.Module]:
        """Returns one network for each optimiser."""
        return [self.network]

    def compiled_parts(self) -> list[nn.Module]:
        """Returns the parts that an update calls as modules: ``torch.compile`` reaches nothing else."""
        return [self.network]

    def configure_optimizers(self) -> Any:
        pairs = zip(self.optimizer_configs, self.trained_networks(), strict=True)
        return [build_optimizer(config, network, self.fused, self.rate_multiplier) for config, network in pairs]

    def rate_multiplier(self, name: str) -> float:
        """Returns what the learning rate is multiplied by for the parameter of this name."""
        return 1.0

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self.terms = {}

    def report(self, terms: Mapping[str, Tensor], batch_size: int = 1) -> None:
        """Logs values of the current batch by name."""
        detached = {name: value.detach() for name, value in terms.items()}
        self.terms |= detached
        self.log_dict(detached, batch_size=batch_size)

    def on_fit_start(self) -> None:
        self.move_frozen()

    def move_frozen(self) -> None:
        """Moves the frozen networks to this module's device."""
        for network in self.frozen.values():
            network.to(self.device)

    def optimise(self, loss: Tensor, batch_idx: int, active: Mapping[int, bool] | None = None) -> None:
        """Runs the backward pass and, at the end of an accumulation, updates the weights once.

        Args:
            active: whether an optimiser, by its number, moves its weights in this update; those not named do.
        """
        accumulation = self.training_config.accumulation
        self.manual_backward(loss / accumulation)
        if (batch_idx + 1) % accumulation:
            return
        optimizers = self.optimizers(use_pl_optimizer=True)
        optimizers = optimizers if isinstance(optimizers, list) else [optimizers]
        finite = self._clip(optimizers)
        for number, (optimizer, config) in enumerate(zip(optimizers, self.optimizer_configs, strict=True)):
            if not finite or not (active or {}).get(number, True):
                # Adam passes over parameters without a gradient: the update counts, but nothing moves.
                optimizer.zero_grad(set_to_none=True)
            rate = learning_rate(config, self.update, self.training_config.updates)
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("lr_scale", 1.0)  # a checkpoint of an earlier version has none
            if number:
                hide_from_global_step(optimizer)
        for optimizer in reversed(optimizers):  # the first one, whose steps count, comes last
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if finite:
            self.ema.update_parameters(self.network)

    def _clip(self, optimizers: list[LightningOptimizer]) -> bool:
        """Clips the gradients of each optimiser; returns whether all are finite, and counts the update if not.

        Raises:
            NonFinite: MAX_SKIPPED updates in a row weren't.
        """
        finite = True
        for number, (optimizer, config) in enumerate(zip(optimizers, self.optimizer_configs, strict=True)):
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            limit = float("inf") if config.clip_norm is None else config.clip_norm
            norm = whole(nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None]))
            nn.utils.clip_grads_with_norm_(parameters, limit, norm)
            finite = finite and bool(norm.isfinite())
            self.report({f"gradient_norm/{number}": norm})
        self.skipped[0] += not finite
        self.skipped[1] = 0 if finite else self.skipped[1] + 1
        if self.skipped[1] >= MAX_SKIPPED:
            terms = {name: float(value) for name, value in self.terms.items()}
            raise NonFinite(
                f"{MAX_SKIPPED} updates in a row had non-finite gradients, at update {self.update}: {terms}"
            )
        return finite


def hide_from_global_step(optimizer: LightningOptimizer) -> None:
    """Keeps this optimiser's steps out of ``global_step``: in manual mode Lightning counts them all (issue 17958).

    max_steps, checkpoints and schedules would all misfire. The two hooks are private, and Lightning sets them anew for
    each batch; a test pins that this works.
    """
    optimizer._on_before_step = optimizer._on_after_step = lambda: None
