"""The validation that a checkpoint came before."""

from lightning.pytorch import Callback, LightningModule, Trainer

from callbacks.curves import Curves


class MissedValidation(Callback):
    """After a resume, runs the validation that was due at the checkpoint's update.

    Checkpoints are written before the validation of the same update, so that a kill in the middle of a long one loses
    no update. Lightning passes over it after a resume: its row of the curves would be lost, and the next window of
    training tokens would be two.
    """

    def __init__(self, every: int, curves: Curves) -> None:
        self.every, self.curves = every, curves

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        update = trainer.global_step
        if not update or update % self.every or self.curves.validation(update):
            return
        loop = trainer.fit_loop.epoch_loop.val_loop
        loop.restarting = False  # it starts from its first batch
        trainer.validating = True
        loop.run()
        trainer.training = True
