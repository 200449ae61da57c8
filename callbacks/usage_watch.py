"""A warning when a codebook stays unused."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class UsageWatch(Callback):
    """Warns, with ``advice``, when the share of codes in use lies below ``floor`` at ``patience`` validations in a row.

    It watches ``train/usage`` and each book's ``train/usage/<book>``. The count outlasts a resume, and starts anew
    after a warning.
    """

    def __init__(self, floor: float, patience: int, advice: str) -> None:
        self.floor, self.patience, self.advice = floor, patience, advice
        self.low: dict[str, int] = {}  # validations in a row below the floor, by name

    def state_dict(self) -> dict[str, Any]:
        return {"low": dict(self.low)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.low = dict(state_dict["low"])

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        for name, value in trainer.callback_metrics.items():
            if name != "train/usage" and not name.startswith("train/usage/"):
                continue
            self.low[name] = self.low.get(name, 0) + 1 if float(value) < self.floor else 0
            if self.low[name] >= self.patience and trainer.is_global_zero:
                print(
                    f"warning: {name} is {float(value):.1%}, below {self.floor:.0%} at {self.low[name]} validations in "
                    f"a row; {self.advice}",
                    flush=True,
                )
                self.low[name] = 0
