"""Training of a network that is shared out among the ranks (FSDP2)."""

from collections.abc import Callable, Mapping
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.trainer.states import TrainerFn
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule
from torch.optim import Optimizer

from lit_modules.sharing import collected, give_back, part_for, share_out
from lit_modules.training import LitTraining


class Sharded(DDPStrategy):
    """As DDP, but each rank holds a part of the weights, gradients, moments and average, not all of them.

    Lightning's own strategy for FSDP2 writes other checkpoints than DDP. These are the same, so that a training goes on
    under either, and on another number of ranks.
    """

    def networks(self) -> list[nn.Module]:
        """Returns what is shared out: the trained network and its average."""
        module: Any = self.lightning_module
        assert isinstance(module, LitTraining)
        return [module.network, module.averaged_network]

    def setup(self, trainer: Trainer) -> None:
        """Shares the networks out before anything is moved, since they may not fit on one device.

        A checkpoint's weights were loaded before that, while all was whole; its optimizer's state will be, in parts.
        """
        assert self.accelerator and self.model
        self.accelerator.setup(trainer)
        mesh = init_device_mesh(self.root_device.type, (self.world_size,))
        for network in self.networks():
            if not isinstance(network, FSDPModule):  # a validation follows the training
                share_out(network, mesh)
        self.model_to_device()
        if trainer.state.fn == TrainerFn.FITTING:
            self.setup_optimizers(trainer)
        self.setup_precision_plugin()

    def optimizer_step(
        self, optimizer: Optimizer, closure: Callable[[], Any], model: LightningModule | nn.Module | None = None,
        **kwargs: Any,
    ) -> Any:  # fmt: skip
        for network in self.networks():
            give_back(network)
        return super().optimizer_step(optimizer, closure, model, **kwargs)

    def lightning_module_state_dict(self) -> dict[str, Any]:
        return collected(super().lightning_module_state_dict(), self.is_global_zero)

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        return collected(super().optimizer_state(optimizer), self.is_global_zero)

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        for optimizer, state in zip(self.optimizers, checkpoint["optimizer_states"], strict=True):
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            parts = {
                number: {name: part_for(weights[number], value) for name, value in values.items()}
                for number, values in state["state"].items()
            }
            optimizer.load_state_dict({**state, "state": parts})

    def teardown(self) -> None:
        """Leaves the parts on their devices: on the CPU they couldn't be gathered any more by the GPUs' backend."""
        assert self.cluster_environment and self.accelerator
        self.cluster_environment.teardown()
        self.precision_plugin.teardown()
        self.accelerator.teardown()
        self.checkpoint_io.teardown()
