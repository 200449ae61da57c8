"""The table of networks that a training prints before it starts."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn


def parameters(network: nn.Module) -> tuple[int, int]:
    """Returns how many parameters are trained, and how many are frozen."""
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    return trained, sum(p.numel() for p in network.parameters()) - trained


class StartTable(Callback):
    """Prints each part of the module, trained or frozen, and its number of parameters.

    ``module.frozen``, if there is one, names networks that the module uses without owning them.
    """

    def on_fit_start(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        frozen_networks: dict[str, Any] = getattr(module, "frozen", {})
        for name, network in [*module.named_children(), *frozen_networks.items()]:
            trained, frozen = parameters(network)
            if trained + frozen:
                state = "trained" if trained and not frozen else "frozen" if not trained else "partly trained"
                print(f"  {name:24}{state:16}{trained + frozen:>14,} parameters", flush=True)
