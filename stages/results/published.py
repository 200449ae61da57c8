"""Networks that stages hand on: safetensors, rebuilt from the config in the manifest."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from configs.schema.tokenizer import TokenizerConfig
from datamodules.images import EvaluationImages, to_unit_range
from datamodules.index import ImageIndex, Split
from pipeline.devices import global_rank
from pipeline.job import Job
from smalti.artifact import Artifact
from smalti.building import build_unfilled
from smalti.config.parsing import parse
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.layers.frozen import Frozen
from smalti.published import describe_prior, describe_tokenizer
from smalti.tensors import load_strictly, read_tensors, write_tensors
from smalti.tokenizer import build_tokenizer
from smalti.tokenizers.vq_tokenizer import VQTokenizer


def save_network(network: nn.Module, path: Path) -> Path:
    """Writes a network's tensors as safetensors; returns the path. ValueError if it can't be written."""
    write_tensors(network.state_dict(), path)
    return path


def load_network(network: nn.Module, path: Path) -> None:
    """Fills a network from safetensors; ValueError names a tensor that is missing, unexpected or of another shape."""
    state = read_tensors(path)
    load_strictly(network, state, str(path))
    if not global_rank():
        print(f"  {path.name}: {len(state)} tensors, 0 missing", flush=True)


def open_index(data: Artifact) -> ImageIndex:
    """Returns the image index that stage data published; a relative root is below the folder ``runs``."""
    runs = data.path.parents[2]
    return ImageIndex(data.path, runs / data.facts["root"])


def tokenizer_config(tokenizer: Artifact) -> TokenizerConfig:
    """Returns the config with which a tokenizer was trained."""
    return parse(TokenizerConfig, tokenizer.config, f"{tokenizer.path}/manifest.json", tokenizer.path)


def load_tokenizer(artifact: Artifact) -> VQTokenizer:
    """Returns the tokenizer that stage tokenizer (phase 1) or decoder (phase 2) published, in eval mode."""
    tokenizer = build_tokenizer(describe_tokenizer(artifact))
    load_network(tokenizer, artifact.verified_file("tokenizer.safetensors"))
    return tokenizer.eval().requires_grad_(False)


def load_decoding_half(artifact: Artifact) -> VQTokenizer:
    """Returns the codebook and the decoder of a published tokenizer, in eval mode; it can't encode images.

    The encoder is never read: a training from shards has no use for it.
    """
    tokenizer = build_unfilled(lambda: build_tokenizer(describe_tokenizer(artifact)))
    tokenizer.encoder = nn.Identity()
    load_strictly(
        tokenizer, read_tensors(artifact.verified_file("tokenizer.safetensors"), "encoder."), str(artifact.path)
    )
    return tokenizer.eval().requires_grad_(False)


def check_tokenizer(artifacts: Iterable[Artifact], tokenizer: Artifact) -> None:
    """Raises ValueError if one of the ``artifacts`` (priors, shards, decoders) was made for another tokenizer."""
    for artifact in artifacts:
        if artifact.facts["tokenizer_digest"] != tokenizer.digest:
            raise ValueError(
                f"{artifact.path} was made for tokenizer {artifact.facts['tokenizer_digest'][:16]}, not for "
                f"{tokenizer.path} ({tokenizer.digest[:16]}); build it again"
            )


def check_size(index: ImageIndex, tokenizer: Artifact) -> None:
    """Raises ValueError if the images aren't of the size that the tokenizer was trained at."""
    if index.facts.image_size != tokenizer.facts["image_size"]:
        raise ValueError(
            f"the images are {index.facts.image_size} px, {tokenizer.path} was trained at "
            f"{tokenizer.facts['image_size']} px; set data.image_size to that, or train a tokenizer at this size"
        )


def check_classes(index: ImageIndex, artifact: Artifact) -> None:
    """Raises ValueError if the labels of samples, or of a prior, aren't those of the data."""
    names = artifact.facts["class_names"]
    if names and names != index.facts.class_names:
        raise ValueError(
            f"{artifact.path}: {artifact.stage} of {len(names)} classes ({', '.join(names[:3])} ...), the data has "
            f"{len(index.facts.class_names)} ({', '.join(index.facts.class_names[:3])} ...); name the data that the "
            "priors were trained on"
        )


def load_decoders(job: Job) -> dict[str, Frozen[VQTokenizer]]:
    """Returns the tokenizer of each phase: "phase1", and "phase2" if the recipe has a decoder.

    Raises:
        ValueError: the decoder was trained for another tokenizer.
    """
    check_tokenizer([job.inputs["decoder"]] if "decoder" in job.inputs else [], job.inputs["tokenizer"])
    tokenizers = {"phase1": Frozen(load_tokenizer(job.inputs["tokenizer"]))}
    if "decoder" in job.inputs:
        tokenizers["phase2"] = Frozen(load_tokenizer(job.inputs["decoder"]))
    return tokenizers


def load_prior(artifact: Artifact) -> nn.Module:
    """Returns a published prior, in eval mode."""
    saved = describe_prior(artifact)
    prior: nn.Module = PRIOR_KINDS[saved.prior].build(saved.network, saved.space)
    load_network(prior, artifact.verified_file("prior.safetensors"))
    return prior.eval().requires_grad_(False)


def spread_members(index: ImageIndex, split: Split, number: int) -> np.ndarray:
    """Returns at most ``number`` images spread over a split, by index, always the same ones."""
    members = index.members(split)
    return members[torch.linspace(0, len(members) - 1, min(number, len(members))).long().numpy()]


def fixed_images(index: ImageIndex, number: int) -> Tensor:
    """Returns ``number`` val images spread over the split, always the same ones: (B, 3, H, W) in [-1, 1]."""
    images = EvaluationImages(index)
    return torch.cat([to_unit_range(images[int(i)])["images"] for i in spread_members(index, "val", number)])


def previews(job: Job) -> dict[str, Path]:
    """Returns the newest preview of a training, as a record."""
    pictures = sorted((job.work / "previews").glob("*.png"))
    return {"preview.png": pictures[-1]} if pictures else {}
