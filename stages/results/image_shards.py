"""Shards with a row for every image of a data set: what the stages that encode one share."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import LightningModule

from configs.schema.shards import ShardsConfig
from datamodules.arrays import write_array
from datamodules.images import EvaluationImages
from datamodules.index import SPLITS, ImageIndex, Split
from datamodules.shards import DROPPED, WRITTEN, RowArray, ShardReader, ShardWriter
from pipeline.job import Job
from stages.results.prediction import check_dropped, predict_rows
from stages.training.trainer import build_trainer


@dataclass(frozen=True)
class SplitRows:
    """The rows of one split: ``reader`` over all, ``kept`` those of readable images, ``files`` what is published by
    name, ``dropped`` the names of unreadable images."""

    reader: ShardReader
    kept: np.ndarray
    files: dict[str, Path]
    dropped: list[str]


def keep_rows(reader: ShardReader, kept: np.ndarray, folder: Path, name: str, rows_per_shard: int) -> list[Path]:
    """Returns shards of the ``kept`` rows alone: the same files if these are all rows, else new ones in ``folder``."""
    if len(kept) == len(reader):
        return reader.paths
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, start in enumerate(range(0, len(kept), rows_per_shard)):
        paths.append(folder / f"{name}-{number:05d}.npy")
        write_array(paths[-1], reader.gather(kept[start : start + rows_per_shard]))
    return paths


def encode_images(
    job: Job, index: ImageIndex, module: LightningModule, name: str, array: RowArray
) -> dict[Split, SplitRows]:
    """Runs ``module``, which predicts ``array`` by ``name`` for images (B, V, 3, H, W), over train and val.

    All ranks take part; rank 0 gets the rows of both splits, the others nothing. A killed run goes on where it was.

    Raises:
        ValueError: too many images can't be read.
    """
    config: ShardsConfig = job.config
    images = EvaluationImages(index, config.crops, config.resize_range, config.flip)
    found: dict[Split, SplitRows] = {}
    for split in SPLITS:
        members, folder = index.members(split), job.work / split
        writer = ShardWriter(folder, {name: array}, len(members), config.rows_per_shard)
        trainer = build_trainer(job, logger=False, precision=config.precision)
        predict_rows(job, trainer, module, images, members, writer, config.batch_size)
        if job.rank:
            continue
        state = writer.state()
        dropped = check_dropped(job, index, members[state == DROPPED], len(members))
        reader, kept = writer.read(name), np.flatnonzero(state == WRITTEN)
        write_array(folder / "labels.npy", index.labels[members[kept]])
        write_array(folder / "index.npy", members[kept])
        shards = keep_rows(reader, kept, folder / "kept", name, config.rows_per_shard)
        paths = [*shards, folder / "labels.npy", folder / "index.npy"]
        found[split] = SplitRows(reader, kept, {f"{split}/{path.name}": path for path in paths}, dropped)
    return found


def publish_rows(
    job: Job,
    index: ImageIndex,
    splits: Mapping[Split, SplitRows],
    array: RowArray,
    facts: Mapping[str, Any],
    summary: str,
) -> None:
    """Publishes the rows of both splits, with ``facts`` beside those that all such shards have."""
    config: ShardsConfig = job.config
    tokenizer, dropped = job.inputs["tokenizer"], [name for rows in splits.values() for name in rows.dropped]
    (job.work / "dropped.json").write_text(json.dumps(dropped))
    job.publish(
        files={name: path for rows in splits.values() for name, path in rows.files.items()},
        records={"dropped.json": job.work / "dropped.json"},
        facts={
            "grid": tokenizer.facts["grid"], "num_views": config.num_views, "dtype": array.dtype,
            "class_names": index.facts.class_names, "tokenizer_digest": tokenizer.digest, "num_dropped": len(dropped),
            **{f"num_{split}": len(rows.kept) for split, rows in splits.items()}, **facts,
        },
        images=len(index.labels) * config.num_views,
        summary=summary,
    )  # fmt: skip
