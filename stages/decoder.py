"""Stage decoder: phase 2, detail restoration."""

import torch
from lightning.pytorch import seed_everything

from configs.schema.decoder import DecoderConfig
from lit_modules.decoder import LitDecoder
from pipeline.job import Job, run_stage
from smalti.artifact import Artifact
from smalti.config.autoencoders import AutoencoderConfig
from smalti.config.parsing import plain
from smalti.discriminators import build_discriminator
from smalti.layers.frozen import Frozen
from smalti.losses.perceptual import build_perceptual
from smalti.published import describe_tokenizer, is_imported
from smalti.tokenizers.autoencoders import AnyDecoder, build_decoder
from smalti.tokenizers.vq_tokenizer import VQTokenizer
from stages.results.published import (
    check_size,
    check_tokenizer,
    fixed_images,
    load_network,
    load_tokenizer,
    open_index,
    previews,
    save_network,
    tokenizer_config,
)
from stages.training.image_training import train_on_images
from stages.training.trainer import last_validation, run_facts

STAGE = "decoder"


def add_attention(phase1: AnyDecoder, autoencoder: AutoencoderConfig, config: DecoderConfig) -> AnyDecoder:
    """Returns a copy of phase 1's decoder with fresh attention blocks, which change nothing before training.

    Raises:
        ValueError: phase 1's decoder has a tensor too many, or lacks one that isn't of these blocks.
    """
    decoder = build_decoder(autoencoder, config.attention)
    trained, state = phase1.state_dict(), decoder.state_dict()
    shared = {name for name in state if "tail" not in name.split(".")}
    if trained.keys() != shared:
        raise ValueError(f"phase 1's decoder doesn't fit: {sorted(trained.keys() ^ shared)[:3]}")
    decoder.load_state_dict({**state, **trained})
    return decoder


def build(job: Job) -> None:
    """Finetunes the decoder, asserts that no token changes, and publishes the whole tokenizer."""
    config: DecoderConfig = job.config
    training, parent = config.training, job.inputs["tokenizer"]
    index = open_index(job.inputs["data"])
    phase1 = load_tokenizer(parent)
    autoencoder = describe_tokenizer(parent).autoencoder
    check_size(index, parent)

    seed_everything(training.seed, verbose=False)
    assert isinstance(phase1.decoder, AnyDecoder)
    decoder = add_attention(phase1.decoder, autoencoder, config)
    discriminator = discriminator_of(config, parent)
    if "init_from" in job.inputs:
        check_tokenizer([job.inputs["init_from"]], parent)
        load_network(decoder, job.inputs["init_from"].file("decoder.safetensors"))
    probe = fixed_images(index, 16)
    with torch.no_grad():
        tokens_before = phase1.encode(probe)
    module = LitDecoder(decoder, Frozen(phase1), discriminator, build_perceptual(config.perceptual), config)

    trainer = train_on_images(job, module, index, probe)
    if job.rank:
        return

    trained = module.averaged_network
    published = VQTokenizer(phase1.encoder, phase1.quantizer, trained).cpu().eval()
    with torch.no_grad():
        changed = int((published.encode(probe) != tokens_before).sum())
    assert changed == 0, f"{changed} tokens changed in phase 2, which trains the decoder alone"
    figures = last_validation(trainer)
    inherited = ("num_books", "book_names", "num_codes", "code_dim", "grid", "image_size", "class_names")
    job.publish(
        files={
            "tokenizer.safetensors": save_network(published, job.work / "tokenizer.safetensors"),
            "decoder.safetensors": save_network(trained, job.work / "decoder.safetensors"),
            "discriminator.safetensors": save_network(discriminator, job.work / "discriminator.safetensors"),
        },
        records={"curves.csv": job.work / "curves.csv", **previews(job)},
        facts={
            **{name: parent.facts[name] for name in inherited},
            "tokenizer": parent.facts["tokenizer"] if is_imported(parent) else plain(tokenizer_config(parent)),
            "tokenizer_digest": parent.digest, "updates": training.updates,
            "perceptual_network": module.perceptual.name, "skipped_updates": int(module.skipped[0]),
        },
        made_by={"figures": figures, **run_facts(trainer)},
        images=training.updates * training.batch_size,
        summary=f"val PSNR {figures['val/psnr']:.2f} dB, tokens bit-equal on {tokens_before.numel()} probes",
    )  # fmt: skip


def discriminator_of(config: DecoderConfig, parent: Artifact) -> torch.nn.Module:
    """Returns the discriminator as phase 1 left it: it knows the images, so that phase 2 needs no warm-up. Beside an
    imported tokenizer it is a fresh one.

    Raises:
        ValueError: an imported tokenizer without a discriminator in the config, or a trained one with.
    """
    for text in config.misfits(is_imported(parent)):
        raise ValueError(f"decoder.{text}")
    if config.discriminator is not None:
        return build_discriminator(config.discriminator)
    discriminator = build_discriminator(tokenizer_config(parent).discriminator)
    load_network(discriminator, parent.file("discriminator.safetensors"))
    return discriminator


if __name__ == "__main__":
    run_stage(STAGE, build)
