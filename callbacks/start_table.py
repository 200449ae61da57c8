"""What is about to be trained, before it is."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn


def parameters(network: nn.Module) -> tuple[int, int]:
    """Returns the numbers of parameters that are trained and that are frozen."""
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    return trained, sum(p.numel() for p in network.parameters()) - trained


class StartTable(Callback):
    """Prints each part, trained or frozen, with its parameters; ``module.frozen`` maps names to held networks."""

    def on_fit_start(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        held: dict[str, Any] = getattr(module, "frozen", {})
        for name, network in [*module.named_children(), *held.items()]:
            trained, frozen = parameters(network)
            if trained + frozen:
                state = "trained" if trained and not frozen else "frozen" if not trained else "partly trained"
                print(f"  {name:24}{state:16}{trained + frozen:>14,} parameters", flush=True)
