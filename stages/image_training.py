"""Training on images, as both phases of the tokenizer do it."""

from lightning.pytorch import Trainer
from torch import Tensor

from callbacks.previews import Previews
from callbacks.unreadable import Unreadable
from configs.stages import DecoderConfig, TokenizerConfig
from datamodules.images import Images
from datamodules.index import ImageIndex
from lit_modules.reconstruction import LitReconstruction
from pipeline.job import Job
from stages.trainer import fit, per_device_batch, speed_up, training_trainer


def train_on_images(job: Job, module: LitReconstruction, index: ImageIndex, probe: Tensor) -> Trainer:
    """Trains ``module`` to its last update, with previews of ``probe``; returns the trainer."""
    config: TokenizerConfig | DecoderConfig = job.config
    training = config.training
    speed_up(module, config.runtime)
    trainer = training_trainer(
        job,
        training,
        [
            Previews(probe, job.work / "previews"),
            Unreadable(index.name, index.facts.num_train, config.loading.max_unreadable),
        ],
    )
    data = Images(
        index,
        config.loading,
        batch_size=per_device_batch(training.batch_size, training.accumulation, trainer.world_size),
        accumulation=training.accumulation,
        seed=training.seed,
        workers=config.runtime.num_workers,
    )
    fit(job, training, module, data, trainer)
    return trainer
