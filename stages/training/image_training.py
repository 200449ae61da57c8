"""Training on images: what the stages tokenizer and decoder share."""

from lightning.pytorch import Trainer
from torch import Tensor, nn

from callbacks.previews import Previews
from callbacks.unreadable import Unreadable
from callbacks.usage_watch import UsageWatch
from configs.schema.reconstruction import ReconstructionTrainingConfig
from configs.schema.tokenizer import TokenizerConfig
from configs.schema.training import per_device_batch
from datamodules.images import Images
from datamodules.index import ImageIndex
from lit_modules.reconstruction import LitReconstruction
from pipeline.job import Job
from smalti.discriminators.style import StyleDiscriminator
from stages.results.unreadable import Tolerance
from stages.training.trainer import fit, speed_up, training_trainer

# What helps when codes stay unused, by kind of quantiser.
GENERAL_ADVICE = "try a smaller num_codes, a smaller latent_dim, a lower learning rate, or another kind of quantizer"
FROZEN_ADVICE = "the codebook is frozen here: train stage tokenizer again"
ADVICE = {
    "learned": "raise entropy_weight, lower entropy_temperature, shrink latent_dim to 8, or take kind learned_cosine",
    "learned_cosine": "raise entropy_weight (temperature 0.01), or take a projected codebook",
    "random": "rows that nothing trains collapse: take a learned or a projected codebook",
    "ema": "set restart_below (0.1 to 1 tokens an update), or lower decay",
    "kmeans": "estimate more often (every), for longer (until), or from more latents (reservoir)",
    "factorised": "raise book.entropy_weight and book.sample_entropy_weight (temperature 0.01); 8 channels a book",
    "residual": "use fewer num_books, or a smaller num_codes",
    "lookup_free": "raise entropy_weight or diversity, or shrink num_codes and latent_dim with it",
    "projected_l2": "take kind projected_cosine, whiten the centres (codebook.whiten), or raise entropy_weight",
    "projected_cosine": "whiten the centres (codebook.whiten), raise entropy_weight, or lower entropy_temperature",
}


def check_groups(discriminator: nn.Module, batch_size: int) -> None:
    """Raises ValueError if a group of the discriminator's images would straddle two batches.

    Its minibatch standard deviation would then depend on the number of devices.
    """
    if isinstance(discriminator, StyleDiscriminator) and batch_size % discriminator.group:
        raise ValueError(
            f"discriminator.stddev_group {discriminator.group} doesn't divide the {batch_size} images of a device and "
            "accumulation step; choose another group or training.batch_size"
        )


def train_on_images(job: Job, module: LitReconstruction, index: ImageIndex, probe: Tensor) -> Trainer:
    """Trains ``module`` to its last update, with previews of the images ``probe`` (B, 3, H, W); returns the trainer."""
    config: ReconstructionTrainingConfig = job.config
    training = config.training
    advice = FROZEN_ADVICE
    if isinstance(config, TokenizerConfig):
        advice = ADVICE.get(config.quantizer.kind, GENERAL_ADVICE)
    speed_up(module, config.runtime)
    tolerance = Tolerance.of(job.inputs["data"], index.facts.num_train, job.work / "unreadable.txt")
    trainer = training_trainer(
        job,
        training,
        [
            Previews(probe, job.work / "previews"),
            UsageWatch(floor=0.5, patience=3, advice=advice),
            Unreadable(index.name, tolerance.check),
        ],
    )
    batch_size = per_device_batch(training.batch_size, training.accumulation, trainer.world_size)
    check_groups(module.adversary.discriminator, batch_size)
    data = Images(
        index,
        config.loading,
        batch_size=batch_size,
        accumulation=training.accumulation,
        seed=training.seed,
        workers=config.runtime.num_workers,
    )
    fit(job, training, module, data, trainer)
    return trainer
