"""Stage tokenizer: phase 1, semantic compression."""

import torch
from lightning.pytorch import seed_everything

from configs.schema.tokenizer import TokenizerConfig
from datamodules.arrays import read_array, write_array
from lit_modules.tokenizer import LitTokenizer
from pipeline.job import Job, run_stage
from smalti.artifact import Artifact
from smalti.codebooks import FactorisedCodebooks, Quantizer, build_quantizer, empty_published
from smalti.discriminators import build_discriminator
from smalti.features import feature_width
from smalti.losses.feature_predictor import FeaturePredictor
from smalti.losses.perceptual import build_perceptual
from smalti.losses.representation import build_teacher
from smalti.tokenizers.autoencoders import build_decoder, build_encoder
from smalti.tokenizers.vq_tokenizer import PredictingTokenizer, VQTokenizer
from stages.results.published import fixed_images, load_network, open_index, previews, save_network
from stages.training.image_training import train_on_images
from stages.training.trainer import last_validation, run_facts

STAGE = "tokenizer"


def training_tokenizer(config: TokenizerConfig, image_size: int, quantizer: Quantizer) -> VQTokenizer:
    """Returns the network of phase 1, with the predictors of representation learning if the recipe has them.

    Raises:
        ValueError: a predictor is for a book that isn't there.
    """
    autoencoder = config.autoencoder
    encoder, decoder = build_encoder(autoencoder, image_size), build_decoder(autoencoder, config.attention)
    if not config.representation:
        return VQTokenizer(encoder, quantizer, decoder)
    if not isinstance(quantizer, FactorisedCodebooks):
        raise ValueError(f"representation needs quantizer kind factorised, not {config.quantizer.kind}")
    predictors, books = [], []
    for part in config.representation:
        if not 0 <= part.book < quantizer.num_books:
            raise ValueError(f"representation: book {part.book} isn't one of 0 to {quantizer.num_books - 1}")
        width, num_tokens = feature_width(part.network, part.tap), (image_size // autoencoder.factor) ** 2
        predictors.append(FeaturePredictor(part.predictor, quantizer.widths[part.book], num_tokens, width))
        books.append(part.book)
    return PredictingTokenizer(encoder, quantizer, decoder, predictors, books)


def check_published(quantizer: Quantizer, config: TokenizerConfig) -> None:
    """Asserts, before days of training, that what a codebook publishes can be loaded: what ``published`` gives
    and what ``empty_published`` builds are alike."""
    rebuilt = empty_published(config.quantizer, config.autoencoder.latent_dim, quantizer.num_codes)
    assert quantizer.published().state_dict().keys() == rebuilt.state_dict().keys(), config.quantizer.kind


def check_centres(parent: Artifact, job: Job) -> None:
    """Raises ValueError if the parent was trained with other centres, which its weights don't hold if they are
    frozen."""
    theirs = parent.manifest["inputs"].get("codebook", {}).get("digest")
    own = job.inputs["codebook"].digest if "codebook" in job.inputs else None
    if theirs != own:
        raise ValueError(
            f"init_from {parent.path} was trained with codebook {str(theirs)[:16]}, this recipe has {str(own)[:16]}; "
            "name the parent's codebook, or leave init_from out"
        )


def build(job: Job) -> None:
    """Trains encoder, codebook and decoder together; publishes them, the codebook as a table."""
    config: TokenizerConfig = job.config
    training, autoencoder = config.training, config.autoencoder
    index = open_index(job.inputs["data"])
    size = index.facts.image_size
    if size % autoencoder.factor:
        raise ValueError(f"image size {size} doesn't divide by the autoencoder's factor {autoencoder.factor}")
    centres = None
    if "codebook" in job.inputs:
        centres = torch.from_numpy(read_array(job.inputs["codebook"].file("codebook.npy")))

    seed_everything(training.seed, verbose=False)
    quantizer = build_quantizer(config.quantizer, autoencoder.latent_dim, centres)
    check_published(quantizer, config)
    tokenizer = training_tokenizer(config, size, quantizer)
    discriminator = build_discriminator(config.discriminator)
    if "init_from" in job.inputs:
        parent = job.inputs["init_from"]
        check_centres(parent, job)
        for network, name in ((tokenizer, "training"), (discriminator, "discriminator")):
            load_network(network, parent.file(f"{name}.safetensors"))
    teachers = [build_teacher(part) for part in config.representation]
    module = LitTokenizer(tokenizer, discriminator, build_perceptual(config.perceptual), config, teachers)

    trainer = train_on_images(job, module, index, fixed_images(index, 16))
    if job.rank:
        return

    trained = module.averaged_network
    published = VQTokenizer(trained.encoder, trained.quantizer.published(), trained.decoder)
    figures = last_validation(trainer)
    grid = size // autoencoder.factor
    write_array(job.work / "train_counts.npy", module.last_window.cpu().numpy())
    job.publish(
        files={
            "tokenizer.safetensors": save_network(published, job.work / "tokenizer.safetensors"),
            "training.safetensors": save_network(trained, job.work / "training.safetensors"),
            "discriminator.safetensors": save_network(discriminator, job.work / "discriminator.safetensors"),
        },
        records={name: job.work / name for name in ("curves.csv", "train_counts.npy")} | previews(job),
        facts={
            "num_books": quantizer.num_books, "num_codes": quantizer.num_codes,
            "book_names": list(getattr(quantizer, "names", ())),
            "code_dim": autoencoder.latent_dim, "grid": [grid, grid],
            "image_size": size, "class_names": index.facts.class_names, "updates": training.updates,
            "perceptual_network": module.perceptual.name, "skipped_updates": int(module.skipped[0]),
        },
        made_by={"figures": figures, **run_facts(trainer)},
        images=training.updates * training.batch_size,
        summary=f"val PSNR {figures['val/psnr']:.2f} dB, usage {figures['val/usage']:.1%}",
    )  # fmt: skip


if __name__ == "__main__":
    run_stage(STAGE, build)
