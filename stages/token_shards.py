"""Stage token_shards: the tokens of every image, in each of its views."""

import numpy as np
import torch

from configs.schema.token_shards import TokenShardsConfig
from datamodules.shards import RowArray, ShardReader
from lit_modules.token_shards import LitTokenShards
from pipeline.job import Job, run_stage
from smalti.codebooks.quantizer import count_codes
from smalti.layers.frozen import Frozen
from smalti.metrics.codebook import usage
from smalti.token_type import token_type
from stages.results.image_shards import encode_images, publish_rows
from stages.results.published import check_size, load_tokenizer, open_index
from stages.training.trainer import lay_out

STAGE = "token_shards"


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
    books = (num_books,) if num_books > 1 else ()
    shape = (config.num_views, *books, grid[0] * grid[1])
    array = RowArray(shape, dtype)
    splits = encode_images(job, index, module, "tokens", array)
    if job.rank:
        return
    facts: dict[str, float] = {}
    for split, rows in splits.items():
        statistics = usage(count_tokens(rows.reader, rows.kept, num_books, num_codes))
        facts |= {f"{split}_{name}": float(value) for name, value in statistics.items()}
    publish_rows(
        job, index, splits, array,
        facts={
            "num_books": num_books, "num_codes": num_codes, "book_names": parent.facts["book_names"],
            "num_tokens": shape[-1],
            "layout": "rows x views (x books) x tokens, raster order; view 0 is the first crop unflipped", **facts,
        },
        summary=f"{len(splits['train'].kept)} train rows of {shape[0]} views, usage {facts['train_usage']:.1%}, "
        f"perplexity {facts['train_perplexity']:.0f} of {num_codes}; "
        f"val unigram entropy {facts['val_entropy']:.3f} nats",
    )  # fmt: skip


if __name__ == "__main__":
    run_stage(STAGE, build)
