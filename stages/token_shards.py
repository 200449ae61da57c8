"""Stage token_shards: the tokens of every image, in each of its views."""

import json
from pathlib import Path

import numpy as np
import torch

from configs.schema.token_shards import TokenShardsConfig
from datamodules.images import EvaluationImages
from datamodules.index import Split
from datamodules.shards import DROPPED, WRITTEN, RowArray, ShardReader, ShardWriter
from lit_modules.token_shards import LitTokenShards
from pipeline.job import Job, run_stage
from smalti.codebooks.quantizer import count_codes
from smalti.layers.frozen import Frozen
from smalti.metrics.codebook import usage
from smalti.token_type import token_type
from stages.results.prediction import check_dropped, predict_rows
from stages.results.published import check_size, load_tokenizer, open_index
from stages.training.trainer import build_trainer, lay_out

STAGE = "token_shards"


def keep_rows(reader: ShardReader, kept: np.ndarray, folder: Path, rows_per_shard: int) -> list[Path]:
    """Returns shards of the ``kept`` rows alone: the same files if these are all rows, else new ones in ``folder``."""
    if len(kept) == len(reader):
        return reader.paths
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, start in enumerate(range(0, len(kept), rows_per_shard)):
        paths.append(folder / f"tokens-{number:05d}.npy")
        np.save(paths[-1], reader.gather(kept[start : start + rows_per_shard]), allow_pickle=False)
    return paths


def count_tokens(reader: ShardReader, kept: np.ndarray, num_books: int, num_codes: int) -> torch.Tensor:
    """Returns how often each code of each book occurs in the first view of the ``kept`` rows, int64 (k, K)."""
    counts = torch.zeros(num_books, num_codes, dtype=torch.int64)
    for start in range(0, len(kept), 65_536):
        tokens = reader.gather(kept[start : start + 65_536])[:, 0]
        counts += count_codes(torch.from_numpy(tokens.astype(np.int64)), num_codes, num_books)
    return counts


def build(job: Job) -> None:
    """Encodes train and val on all ranks; publishes packed shards, the labels, and the tokenizer's digest."""
    config: TokenShardsConfig = job.config
    parent = job.inputs["tokenizer"]
    index = open_index(job.inputs["data"])
    check_size(index, parent)
    num_books, num_codes, grid = (parent.facts[name] for name in ("num_books", "num_codes", "grid"))
    dtype = token_type(num_codes)
    tokenizer = Frozen(load_tokenizer(parent))
    lay_out(config.runtime, tokenizer.network)
    module = LitTokenShards(tokenizer, getattr(torch, dtype))
    images = EvaluationImages(index, config.crops, config.resize_range, config.flip)
    books = (num_books,) if num_books > 1 else ()
    shape = (config.num_views, *books, grid[0] * grid[1])

    files: dict[str, Path] = {}
    facts: dict[str, object] = {}
    dropped: list[str] = []
    splits: tuple[Split, ...] = ("train", "val")
    for split in splits:
        members = index.members(split)
        folder = job.work / split
        writer = ShardWriter(folder, {"tokens": RowArray(shape, dtype)}, len(members), config.rows_per_shard)
        trainer = build_trainer(job, logger=False, precision=config.precision)
        predict_rows(job, trainer, module, images, members, writer, config.batch_size)
        if job.rank:
            continue
        state = writer.state()
        dropped += check_dropped(index, members[state == DROPPED], len(members), config.max_unreadable)
        reader, kept = writer.read("tokens"), np.flatnonzero(state == WRITTEN)
        np.save(folder / "labels.npy", index.labels[members[kept]], allow_pickle=False)
        np.save(folder / "index.npy", members[kept], allow_pickle=False)
        shards = keep_rows(reader, kept, folder / "kept", config.rows_per_shard)
        files |= {f"{split}/{path.name}": path for path in [*shards, folder / "labels.npy", folder / "index.npy"]}
        statistics = usage(count_tokens(reader, kept, num_books, num_codes))
        facts |= {f"num_{split}": len(kept)} | {f"{split}_{name}": float(value) for name, value in statistics.items()}
    if job.rank:
        return
    (job.work / "dropped.json").write_text(json.dumps(dropped))
    job.publish(
        files=files,
        records={"dropped.json": job.work / "dropped.json"},
        facts={
            "num_books": num_books, "num_codes": num_codes, "grid": grid,
            "book_names": parent.facts["book_names"], "num_tokens": shape[-1], "num_views": shape[0], "dtype": dtype,
            "layout": "rows x views (x books) x tokens, raster order; view 0 is the first crop unflipped",
            "class_names": index.facts.class_names, "tokenizer_digest": parent.digest, "num_dropped": len(dropped),
            **facts,
        },
        images=len(index.labels) * config.num_views,
        summary=f"{facts['num_train']} train rows of {shape[0]} views, usage {facts['train_usage']:.1%}, perplexity "
        f"{facts['train_perplexity']:.0f} of {num_codes}; val unigram entropy {facts['val_entropy']:.3f} nats",
    )  # fmt: skip


if __name__ == "__main__":
    run_stage(STAGE, build)
