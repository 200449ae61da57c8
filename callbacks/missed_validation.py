"""The validation that a resumed training owes."""

from lightning.pytorch import Callback, LightningModule, Trainer

from callbacks.curves import Curves


class MissedValidation(Callback):
    """Runs, after a resume, the validation that was due at the checkpoint's update.

    A checkpoint is written before the validation of the same update, so that a kill in the middle of a long validation
    loses no update. Lightning skips that validation after a resume: its row would be missing in the curves, and the
    usage of training tokens would be counted over two intervals.
    """

    def __init__(self, every: int, curves: Curves) -> None:
        self.every, self.curves = every, curves

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        update = trainer.global_step
        if not update or update % self.every or self.curves.validation(update):
            return
        loop = trainer.fit_loop.epoch_loop.val_loop
        loop.restarting = False  # start from its first batch
        trainer.validating = True
        loop.run()
        trainer.training = True
