"""Networks as they cross stage borders: safetensors with the config that rebuilds them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from configs.schema.tokenizer import TokenizerConfig
from datamodules.images import EvaluationImages, to_unit_range
from datamodules.index import ImageIndex
from pipeline.artifact import Artifact
from pipeline.devices import global_rank
from pipeline.job import Job
from smalti.codebooks import empty_published
from smalti.config.autoencoders import DecoderAttentionConfig
from smalti.config.parsing import parse
from smalti.config.prior_kinds import PRIOR_STAGES, TokenSpace
from smalti.layers.frozen import Frozen
from smalti.priors import TokenPrior
from smalti.tensors import load_strictly, read_tensors
from smalti.tokenizers.autoencoders import build_decoder, build_encoder
from smalti.tokenizers.vq_tokenizer import VQTokenizer


def save_network(network: nn.Module, path: Path) -> Path:
    """Writes a network's tensors, float32 on the CPU, as safetensors; returns the path. ValueError on a full disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Clones, because safetensors refuses tensors that share memory (the one book of a residual quantiser).
    state = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in network.state_dict().items()
    }
    try:
        save_file(state, path)
    except SafetensorError as error:
        raise ValueError(
            f"{path}: cannot be written ({' '.join(str(error).split())}); make room and run the same command again"
        ) from error
    return path


def load_network(network: nn.Module, path: Path) -> None:
    """Fills a network from safetensors, strictly; ValueError names a tensor that is missing, unexpected or of another
    shape."""
    state = read_tensors(path)
    load_strictly(network, state, str(path))
    if not global_rank():
        print(f"  {path.name}: {len(state)} tensors, 0 missing", flush=True)


def stored_config(schema: type, artifact: Artifact, key: str) -> Any:
    """Returns one part of an artefact's own config, as its dataclass."""
    return parse(schema, artifact.config[key], f"{artifact.path}/manifest.json: {key}", artifact.path)


def open_index(data: Artifact) -> ImageIndex:
    """Returns the image index of stage data; a relative root lies below the folder ``runs``."""
    runs = data.path.parents[2]
    return ImageIndex(data.path, runs / data.facts["root"])


def tokenizer_config(tokenizer: Artifact) -> TokenizerConfig:
    """Returns the config that a tokenizer was trained with."""
    return parse(TokenizerConfig, tokenizer.config, f"{tokenizer.path}/manifest.json", tokenizer.path)


def load_tokenizer(artifact: Artifact) -> VQTokenizer:
    """Returns the tokenizer of phase 1, in eval mode."""
    config, size = tokenizer_config(artifact), artifact.facts["image_size"]
    quantizer = empty_published(config.quantizer, config.autoencoder.latent_dim, artifact.facts["num_codes"])
    decoder = build_decoder(config.autoencoder, config.attention)
    tokenizer = VQTokenizer(build_encoder(config.autoencoder, size), quantizer, decoder)
    load_network(tokenizer, artifact.file("tokenizer.safetensors"))
    return tokenizer.eval().requires_grad_(False)


def load_decoder(artifact: Artifact) -> VQTokenizer:
    """Returns the tokenizer with the decoder of phase 2, in eval mode; stage decoder publishes all of it."""
    parent = parse(TokenizerConfig, artifact.facts["tokenizer"], str(artifact.path), artifact.path)
    autoencoder, attention = parent.autoencoder, stored_config(DecoderAttentionConfig, artifact, "attention")
    encoder = build_encoder(autoencoder, artifact.facts["image_size"])
    quantizer = empty_published(parent.quantizer, autoencoder.latent_dim, artifact.facts["num_codes"])
    tokenizer = VQTokenizer(encoder, quantizer, build_decoder(autoencoder, attention))
    load_network(tokenizer, artifact.file("tokenizer.safetensors"))
    return tokenizer.eval().requires_grad_(False)


def check_tokenizer(made_for: Iterable[Artifact], tokenizer: Artifact) -> None:
    """Raises ValueError if priors, shards or decoders don't speak of the tokenizer's tokens."""
    for artifact in made_for:
        if artifact.facts["tokenizer_digest"] != tokenizer.digest:
            raise ValueError(
                f"{artifact.path} was made for tokenizer {artifact.facts['tokenizer_digest'][:16]}, not for "
                f"{tokenizer.path} ({tokenizer.digest[:16]}); build it again"
            )


def check_size(index: ImageIndex, tokenizer: Artifact) -> None:
    """Raises ValueError if the images are of another size than the tokenizer was trained on."""
    if index.facts.image_size != tokenizer.facts["image_size"]:
        raise ValueError(
            f"the images are {index.facts.image_size} px, {tokenizer.path} was trained at "
            f"{tokenizer.facts['image_size']} px; set data.image_size to that, or train a tokenizer at this size"
        )


def load_decoders(job: Job) -> dict[str, Frozen[VQTokenizer]]:
    """Returns the tokenizer as phase 1 left it, and with phase 2's decoder if the recipe has one, by phase.

    Raises:
        ValueError: the decoder was trained for another tokenizer's codebook.
    """
    check_tokenizer([job.inputs["decoder"]] if "decoder" in job.inputs else [], job.inputs["tokenizer"])
    found = {"phase1": Frozen(load_tokenizer(job.inputs["tokenizer"]))}
    if "decoder" in job.inputs:
        found["phase2"] = Frozen(load_decoder(job.inputs["decoder"]))
    return found


def load_prior(artifact: Artifact) -> TokenPrior:
    """Returns a published prior, in eval mode."""
    kind = PRIOR_STAGES[artifact.stage]
    config = stored_config(kind.network_config, artifact, "network")
    prior: TokenPrior = kind.build(config, TokenSpace.of(artifact.facts))
    load_network(prior, artifact.file("prior.safetensors"))
    return prior.eval().requires_grad_(False)


def fixed_images(index: ImageIndex, number: int) -> Tensor:
    """Returns the same ``number`` val images every time, spread over the split, (B, 3, H, W) in [-1, 1]."""
    members = index.members("val")
    chosen = members[torch.linspace(0, len(members) - 1, min(number, len(members))).long().numpy()]
    images = EvaluationImages(index)
    return torch.cat([to_unit_range(images[int(i)])["images"] for i in chosen])


def previews(job: Job) -> dict[str, Path]:
    """Returns the newest preview picture as a record."""
    pictures = sorted((job.work / "previews").glob("*.png"))
    return {"preview.png": pictures[-1]} if pictures else {}
