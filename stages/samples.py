"""Stage samples: new images from the priors, and the tokens behind them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision.utils import make_grid, save_image

from callbacks.row_writer import RowWriter
from configs.schema.samples import SamplesConfig
from datamodules.arrays import write_array
from datamodules.sample_indices import SampleIndices, sample_loader
from datamodules.shards import RowArray, ShardWriter
from lit_modules.samples import LitSamples
from pipeline.job import Job, run_stage
from smalti.artifact import Artifact
from smalti.config.parsing import plain, unknown
from smalti.config.prior_kinds import PRIOR_KINDS, PriorKind
from smalti.config.sampling import SamplingConfig
from smalti.layers.frozen import Frozen
from smalti.samplers.draw import make_draw
from smalti.token_type import token_type
from smalti.tokenizers.vq_tokenizer import VQTokenizer
from stages.results.adm_npz import write_adm_npz
from stages.results.prediction import allocate
from stages.results.published import load_decoders
from stages.results.sampling import common_classes, prior_to_sample, priors_of, sampling_settings
from stages.training.trainer import build_trainer, lay_out

STAGE = "samples"


def chosen_labels(class_names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Returns the numbers of the ``wanted`` classes, of all if none is; [0] without classes.

    Raises:
        ValueError: a class that the priors don't know.
    """
    for name in wanted:
        if name not in class_names:
            raise ValueError(f"samples.labels: {unknown('class', name, class_names)}")
    return [class_names.index(name) for name in wanted] or list(range(len(class_names))) or [0]


def draw_grid(images: np.ndarray, rows: int, path: Path) -> Path:
    """Writes the first eight samples of each label as a grid, one of ``rows`` for each; images uint8 (M, 3, H, W)."""
    chosen = [i for row in range(rows) for i in range(row, len(images), rows)[:8]]
    grid = make_grid(torch.from_numpy(images[chosen]).float() / 255, nrow=8, padding=1)
    save_image(grid, path)
    return path


def row_arrays(tokenizer: Mapping[str, Any], num_decoders: int) -> dict[str, RowArray]:
    """Returns what is written of a sample: its image by each decoder and its tokens, laid out as token shards lay out
    one view.

    >>> facts = {"image_size": 64, "grid": [8, 8], "num_books": 2, "num_codes": 65_537}
    >>> row_arrays(facts, num_decoders=1)["tokens"]
    RowArray(shape=(2, 64), dtype='uint32')
    """
    size, grid, num_books = (tokenizer[name] for name in ("image_size", "grid", "num_books"))
    books = (num_books,) if num_books > 1 else ()
    return {
        "images": RowArray((num_decoders, 3, size, size), "uint8"),
        "tokens": RowArray((*books, grid[0] * grid[1]), token_type(tokenizer["num_codes"])),
    }


@dataclass(frozen=True)
class Drawn:
    """The written samples of a prior, and the seconds that one of them took, drawn, decoded and written by all ranks
    together; None where all were written by an earlier process."""

    writer: ShardWriter
    seconds_per_image: float | None


def sample_prior(
    job: Job,
    kind: PriorKind,
    artifact: Artifact,
    settings: SamplingConfig,
    decoders: Mapping[str, Frozen[VQTokenizer]],
    indices: SampleIndices,
) -> Drawn:
    """Draws those samples of a prior that are still to be written, over all ranks."""
    config: SamplesConfig = job.config
    prior = prior_to_sample(artifact, config)
    facts = job.inputs["tokenizer"].facts
    arrays = row_arrays(facts, len(decoders))
    dtype = getattr(torch, arrays["tokens"].dtype)
    quantizer = decoders["phase1"].network.quantizer
    draw = make_draw(kind, prior.network, settings, config.seed, quantizer, facts["grid"])
    module = LitSamples(prior, draw, list(decoders.values()), dtype)
    writer = ShardWriter(job.work / kind.name, arrays, config.num_samples, config.rows_per_shard)
    trainer = build_trainer(job, [RowWriter(writer, range(config.num_samples))], logger=False)
    allocate(trainer, writer)
    pending = writer.pending()
    job.done_before += config.num_samples - len(pending)
    loader = sample_loader(indices, pending, config.batch_size, trainer.global_rank, trainer.world_size)
    begun = time.monotonic()
    trainer.predict(module, loader, return_predictions=False)
    trainer.strategy.barrier("rows written")
    return Drawn(writer, (time.monotonic() - begun) / len(pending) if len(pending) else None)


def build(job: Job) -> None:
    """Samples each prior of the recipe; publishes shards of their images, decoded by each decoder, and of their tokens,
    and pictures."""
    config: SamplesConfig = job.config
    tokenizer = job.inputs["tokenizer"]
    priors = priors_of(job)
    class_names = common_classes(priors.values())
    settings = {name: sampling_settings(job, PRIOR_KINDS[name], artifact) for name, artifact in priors.items()}
    decoders = load_decoders(job)
    lay_out(config.runtime, *(decoder.network for decoder in decoders.values()))
    wanted = chosen_labels(class_names, config.labels)
    indices = SampleIndices(wanted)
    labels = np.array([indices.label(i) for i in range(config.num_samples)], dtype=np.int64)

    files: dict[str, Path] = {}
    records: dict[str, Path] = {}
    seconds: dict[str, float | None] = {}
    for name, artifact in priors.items():
        drawn = sample_prior(job, PRIOR_KINDS[name], artifact, settings[name], decoders, indices)
        if job.rank:
            continue
        seconds[name] = drawn.seconds_per_image
        images, tokens = drawn.writer.read("images"), drawn.writer.read("tokens")
        files |= {f"{name}/{path.name}": path for path in [*images.paths, *tokens.paths]}
        first = images.gather(np.arange(min(config.num_samples, 8 * len(wanted))))
        for number, decoder in enumerate(decoders):
            picture = draw_grid(first[:, number], len(wanted), job.work / f"{name}-{decoder}.png")
            records[f"{name}/{decoder}.png"] = picture
        if config.npz:
            for number, decoder in enumerate(decoders):
                file = job.work / f"{name}-{decoder}.npz"
                files[file.name] = write_adm_npz(file, images, number, labels)
    if job.rank:
        return
    write_array(job.work / "labels.npy", labels)
    job.publish(
        files={**files, "labels.npy": job.work / "labels.npy"},
        records=records,
        facts={
            "num_samples": config.num_samples, "decoders": list(decoders), "priors": sorted(priors),
            "settings": {name: plain(used) for name, used in settings.items()},
            "seed": config.seed, "image_size": tokenizer.facts["image_size"], "class_names": class_names,
            "labels": f"{', '.join(config.labels) or 'balanced'}, in turn", "tokenizer_digest": tokenizer.digest,
            "num_books": tokenizer.facts["num_books"], "num_codes": tokenizer.facts["num_codes"],
            "grid": tokenizer.facts["grid"],
            "arrays": {name: asdict(array) for name, array in row_arrays(tokenizer.facts, len(decoders)).items()},
            "layout": "images: rows x decoders x 3 x height x width; tokens: rows (x books) x tokens, raster order",
        },
        made_by={"seconds_per_image": seconds},
        images=config.num_samples * len(priors),
        summary=f"{config.num_samples} samples of each of {', '.join(sorted(priors))}",
    )  # fmt: skip


if __name__ == "__main__":
    run_stage(STAGE, build)
