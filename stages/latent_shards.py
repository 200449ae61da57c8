"""Stage latent_shards: the latents of every image before quantisation, in each of its views."""

from collections.abc import Iterator

import numpy as np
import torch

from configs.schema.latent_shards import LatentShardsConfig
from datamodules.shards import RowArray
from lit_modules.latent_shards import LitLatentShards
from pipeline.job import Job, run_stage
from smalti.byte_size import byte_size
from smalti.layers.frozen import Frozen
from smalti.metrics.latents import channel_statistics
from smalti.published import describe_tokenizer
from stages.results.image_shards import SplitRows, encode_images, publish_rows
from stages.results.published import check_size, load_tokenizer, open_index
from stages.training.trainer import lay_out

STAGE = "latent_shards"
CHUNK = 4096  # rows read at once


def chunks(rows: SplitRows) -> Iterator[np.ndarray]:
    """Yields the readable rows of a split, some at a time."""
    for start in range(0, len(rows.kept), CHUNK):
        yield rows.reader.gather(rows.kept[start : start + CHUNK])


def build(job: Job) -> None:
    """Encodes train and val on all ranks; publishes packed shards, labels, and each channel's mean and deviation.

    Raises:
        ValueError: a tokenizer without continuous latents, or a channel that never changes.
    """
    config: LatentShardsConfig = job.config
    parent = job.inputs["tokenizer"]
    trained = describe_tokenizer(parent)
    if reason := trained.quantizer.no_latents:
        raise ValueError(f"{parent.path}: {reason}")
    index = open_index(job.inputs["data"])
    check_size(index, parent)
    encoder = Frozen(load_tokenizer(parent).encoder)
    lay_out(config.runtime, encoder.network)
    grid, latent_dim = parent.facts["grid"], trained.autoencoder.latent_dim
    array = RowArray((config.num_views, latent_dim, *grid), config.dtype)
    images = len(index.labels)
    if not job.rank:
        size = images * int(np.prod(array.shape)) * np.dtype(config.dtype).itemsize
        print(f"  latents of {images} images in {config.num_views} views take {byte_size(size)}", flush=True)
    splits = encode_images(job, index, LitLatentShards(encoder, getattr(torch, config.dtype)), "latents", array)
    if job.rank:
        return
    mean, deviation = channel_statistics(chunks(splits["train"]))
    publish_rows(
        job, index, splits, array,
        facts={
            "latent_dim": latent_dim, "mean": mean.tolist(), "std": deviation.tolist(),
            "layout": "rows x views x channels x height x width; view 0 is the first crop unflipped",
        },
        summary=f"{len(splits['train'].kept)} train rows of {config.num_views} views, {latent_dim} channels, whose "
        f"deviations are {deviation.min():.3g} to {deviation.max():.3g}",
    )  # fmt: skip


if __name__ == "__main__":
    run_stage(STAGE, build)
