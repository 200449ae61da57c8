"""Stage tokenizer: phase 1, semantic compression."""

import numpy as np
import torch
from lightning.pytorch import seed_everything

from configs.stages import TokenizerConfig
from lit_modules.tokenizer import LitTokenizer
from networks.autoencoder import Decoder, Encoder
from networks.discriminators import build_discriminator
from networks.features import build_features
from networks.frozen import Frozen
from networks.quantizers import build_quantizer
from networks.tokenizer import VQTokenizer
from pipeline.job import Job, run_stage
from stages.image_training import train_on_images
from stages.published import empty_tokenizer, fixed_images, load_network, open_index, previews, save_network

STAGE = "tokenizer"


def build(job: Job) -> None:
    """Trains encoder, codebook and decoder together; publishes them with the codebook as a table."""
    config: TokenizerConfig = job.config
    training, autoencoder = config.training, config.autoencoder
    index = open_index(job.inputs["data"])
    size = index.facts.image_size
    if size % autoencoder.factor:
        raise ValueError(f"image size {size} doesn't divide by the autoencoder's factor {autoencoder.factor}")
    centres = None
    if "codebook" in job.inputs:
        centres = torch.from_numpy(np.load(job.inputs["codebook"].file("codebook.npy"), allow_pickle=False))

    seed_everything(training.seed, verbose=False)
    quantizer = build_quantizer(config.quantizer, autoencoder.latent_dim, centres)
    tokenizer = VQTokenizer(Encoder(autoencoder), quantizer, Decoder(autoencoder))
    discriminator = build_discriminator(config.discriminator)
    if "init_from" in job.inputs:
        parent = job.inputs["init_from"]
        for network, name in ((tokenizer, "training"), (discriminator, "discriminator")):
            load_network(network, parent.file(f"{name}.safetensors"))
    features = Frozen(build_features(config.perceptual.network))
    module = LitTokenizer(tokenizer, discriminator, features, config)

    trainer = train_on_images(job, module, index, fixed_images(index, 16))
    if job.rank:
        return

    trained = module.averaged_network
    published = empty_tokenizer(autoencoder, quantizer.num_codes)
    published.encoder.load_state_dict(trained.encoder.state_dict())
    published.decoder.load_state_dict(trained.decoder.state_dict())
    published.quantizer.get_buffer("codebook").copy_(trained.quantizer.table().detach())
    figures = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
    grid = size // autoencoder.factor
    job.publish(
        files={
            "tokenizer.safetensors": save_network(published, job.work / "tokenizer.safetensors"),
            "training.safetensors": save_network(trained, job.work / "training.safetensors"),
            "discriminator.safetensors": save_network(discriminator, job.work / "discriminator.safetensors"),
        },
        records={"curves.csv": job.work / "curves.csv", **previews(job)},
        facts={
            "num_codes": quantizer.num_codes, "code_dim": autoencoder.latent_dim, "grid": [grid, grid],
            "image_size": size, "class_names": index.facts.class_names, "updates": training.updates,
            "perceptual_network": features.network.source.name, "skipped_updates": int(module.skipped[0]),
        },
        made_by={"figures": figures, "world_size": trainer.world_size},
        images=training.updates * training.batch_size,
        summary=f"val PSNR {figures['val/psnr']:.2f} dB, usage {figures['val/usage']:.1%}",
    )  # fmt: skip


if __name__ == "__main__":
    run_stage(STAGE, build)
