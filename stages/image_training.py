"""Training on images, as both phases of the tokenizer do it."""

from lightning.pytorch import Trainer
from torch import Tensor

from callbacks.previews import Previews
from callbacks.unreadable import Unreadable
from callbacks.usage_watch import UsageWatch
from configs.stages import DecoderConfig, TokenizerConfig
from datamodules.images import Images
from datamodules.index import ImageIndex
from lit_modules.reconstruction import LitReconstruction
from pipeline.job import Job
from stages.trainer import fit, per_device_batch, speed_up, training_trainer

# What to turn when a codebook stays unused, by the kind of the quantiser.
GENERAL = "try a smaller num_codes, a smaller latent_dim, a lower learning rate, or another kind of quantizer"
FROZEN = "the codebook is frozen here: train stage tokenizer again"
KNOBS = {
    "learned": "raise entropy_weight, lower entropy_temperature, shrink latent_dim to 8, or take kind learned_cosine",
    "learned_cosine": "raise entropy_weight (temperature 0.01), or take a projected codebook",
    "ema": "set restart_below (0.1 to 1 tokens an update), or lower decay",
    "projected_l2": "take kind projected_cosine, whiten the centres (codebook.whiten), or raise entropy_weight",
    "projected_cosine": "whiten the centres (codebook.whiten), raise entropy_weight, or lower entropy_temperature",
}


def train_on_images(job: Job, module: LitReconstruction, index: ImageIndex, probe: Tensor) -> Trainer:
    """Trains ``module`` to its last update, with previews of ``probe``; returns the trainer."""
    config: TokenizerConfig | DecoderConfig = job.config
    training = config.training
    knobs = KNOBS.get(config.quantizer.kind, GENERAL) if isinstance(config, TokenizerConfig) else FROZEN
    speed_up(module, config.runtime)
    trainer = training_trainer(
        job,
        training,
        [
            Previews(probe, job.work / "previews"),
            UsageWatch(floor=0.5, patience=3, knobs=knobs),
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
