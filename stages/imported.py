"""Imported stages: a file that others have released, published as if it had been trained here."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from torch import nn

from configs.schema.imported import ImportedConfig
from pipeline.job import Job, parse_arguments, run_stage
from smalti.artifact import Artifact
from smalti.config.parsing import plain, unknown
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.formats import FORMATS, import_prior, import_tokenizer
from smalti.prior import Prior
from smalti.published import describe_tokenizer
from smalti.tokenizer import Tokenizer, build_tokenizer
from stages.results.published import load_network, open_index, save_network

SCRIPT = "imported"
PARTS = ("autoencoder", "quantizer", "attention")  # of what a saved tokenizer says: those that later stages read


def publish(job: Job, name: str, network: nn.Module, facts: Mapping[str, Any], summary: str) -> None:
    """Publishes a network with what is known of it.

    The facts are a result file too: what was asked for, such as heads, is no tensor, and changes what is built on it.
    """
    said = job.work / "imported.json"
    said.write_text(json.dumps(facts, indent=1))
    files = {f"{name}.safetensors": save_network(network, job.work / f"{name}.safetensors"), "imported.json": said}
    job.publish(files=files, facts=facts, images=0, summary=f"{facts['imported']}, {summary}")


def publish_tokenizer(job: Job, tokenizer: Tokenizer) -> None:
    """Publishes encoder, codebook and decoder, as stage tokenizer does."""
    saved, quantizer = tokenizer.saved, tokenizer.network.quantizer
    facts = {
        "num_books": quantizer.num_books, "num_codes": quantizer.num_codes,
        "book_names": list(getattr(saved.quantizer, "names", ())), "code_dim": saved.autoencoder.latent_dim,
        "grid": list(tokenizer.grid), "image_size": saved.image_size, "class_names": [],
        "imported": saved.origin.imported, "tokenizer": {name: plain(saved)[name] for name in PARTS},
    }  # fmt: skip
    publish(job, "tokenizer", tokenizer.network, facts, f"{quantizer.num_books} x {quantizer.num_codes} codes")


def publish_prior(job: Job, prior: Prior) -> None:
    """Publishes a prior with its space, as the stages that train one do."""
    saved = prior.saved
    facts = {
        **plain(saved.space), "grid": list(saved.grid), "class_names": list(saved.class_names),
        "tokenizer_digest": job.inputs["tokenizer"].digest, "imported": saved.origin.imported,
        "network": plain(saved.network), "label_dropout": saved.label_dropout,
    }  # fmt: skip
    publish(job, "prior", prior.network, facts, f"{len(saved.class_names)} classes")


def load(artifact: Artifact) -> Tokenizer:
    """Returns a published tokenizer, whose tokens are named by its digest."""
    saved = describe_tokenizer(artifact)
    network = build_tokenizer(saved)
    load_network(network, artifact.verified_file("tokenizer.safetensors"))
    return Tokenizer(network, saved)


def build(job: Job) -> None:
    """Reads the file and publishes what is in it.

    Raises:
        ValueError: a format of something else than the stage makes, or a file that doesn't fit it.
    """
    config: ImportedConfig = job.config
    if config.format not in FORMATS:
        raise ValueError(f"{job.stage}.format: {unknown('format', config.format, list(FORMATS))}")
    chosen = FORMATS[config.format]
    makes = {"tokenizer": "tokenizer", PRIOR_KINDS["ar"].stage: "prior"}[job.stage]
    if chosen.makes != makes:
        raise ValueError(f"{job.stage}.format {config.format}: holds a {chosen.makes}; name a format of a {makes}")
    if makes == "tokenizer":
        publish_tokenizer(job, import_tokenizer(config.file, config.format, config.settings()))
        return
    names = open_index(job.inputs["data"]).facts.class_names if "data" in job.inputs else None
    tokenizer = load(job.inputs["tokenizer"])
    publish_prior(job, import_prior(config.file, config.format, tokenizer, config.settings(), class_names=names))


if __name__ == "__main__":
    run_stage(parse_arguments(SCRIPT, sys.argv[1:]).config.stem, build, SCRIPT)
