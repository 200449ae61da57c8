"""Stage codebook: k-means centres of the patch features of a pretrained network."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from configs.schema.codebook import CodebookConfig
from datamodules.arrays import write_array
from datamodules.images import EvaluationImages
from datamodules.shards import DROPPED, WRITTEN, RowArray, ShardReader, ShardWriter
from lit_modules.codebook import LitCodebook
from pipeline.job import Job, run_stage
from smalti.features import build_features
from smalti.layers.frozen import Frozen
from stages.results.prediction import check_dropped, predict_rows
from stages.results.published import open_index
from stages.training.clustering import Points, backend_for, check_points, cluster, share_of_a_group, whiten
from stages.training.trainer import build_trainer

STAGE = "codebook"


def extract_features(job: Job) -> tuple[dict[str, Points], str, str]:
    """Writes patch features of a sample of the train images into shards; resumes where a killed run stopped.

    Returns:
        Functions that read the points (M, C) of each group, the name of the feature network, and the device.

    Raises:
        ValueError: classes are to be balanced, and the data set has none.
    """
    config: CodebookConfig = job.config
    index = open_index(job.inputs["data"])
    if config.balance == "class" and not index.facts.class_names:
        raise ValueError("balance class: this data set has no labels; take balance global")
    members = index.members("train")
    network = build_features(config.features)
    module = LitCodebook(Frozen(network), config.tap, config.pool)
    trainer = build_trainer(job, logger=False)
    backend_for(config, trainer.strategy.root_device.type == "cuda")  # raises now rather than after hours of work
    images = EvaluationImages(index)
    patches, width = module.shape(images.size)
    check_images(index.labels[members], patches, config, index.facts.class_names)
    groups = rows_to_cluster(index.labels[members], patches, config)
    drawn = np.sort(np.concatenate(list(groups.values())))
    members = members[drawn]
    arrays = {"features": RowArray((patches, width), "float16")}
    writer = ShardWriter(job.work / "drawn", arrays, len(members), rows_per_shard=100_000)
    predict_rows(job, trainer, module, images, members, writer, config.batch_size)
    state = writer.state()
    dropped = check_dropped(job, index, members[state == DROPPED], len(members))
    if not job.rank:
        note_dropped(job.work, dropped)
    reader: ShardReader = writer.read("features")

    def points_of(group: np.ndarray) -> Points:
        rows = np.searchsorted(drawn, group)
        return lambda: reader.gather(rows[state[rows] == WRITTEN], "float32").reshape(-1, width)

    names = index.facts.class_names
    points = {group_name(label, names): points_of(group) for label, group in groups.items()}
    return points, network.source.name, str(trainer.strategy.root_device)


def note_dropped(work: Path, dropped: list[str]) -> None:
    """Writes the names of the images that were left out.

    If the run that is resumed left out others, its centres are deleted: they are of other images.
    """
    file, text = work / "dropped.json", json.dumps(dropped)
    if file.exists() and file.read_text() != text:
        shutil.rmtree(work / "centres", ignore_errors=True)
    file.write_text(text)


def group_name(label: int, names: Sequence[str]) -> str:
    """Returns what messages call a group of images: those of a class, or all (label -1)."""
    return f"class {names[label]}" if label >= 0 else "all images"


def check_images(labels: np.ndarray, patches: int, config: CodebookConfig, names: Sequence[str]) -> None:
    """Raises ValueError, before any feature is extracted, if so few images can't give the centres."""
    if config.balance == "class" and (labels < 0).any():
        raise ValueError(f"balance class: {int((labels < 0).sum())} train images have no label; take balance global")
    grouped = labels if config.balance == "class" else np.full(len(labels), -1)
    groups = list(zip(*np.unique(grouped, return_counts=True), strict=True))
    share = share_of_a_group(config.num_codes, len(groups))
    for label, num_images in groups:
        check_points(group_name(label, names), num_images * patches, share)


def rows_to_cluster(labels: np.ndarray, patches: int, config: CodebookConfig) -> dict[int, np.ndarray]:
    """Returns the images whose points k-means sees, sorted: by class, or all under -1.

    They are a seeded sample that gives ``points_per_centroid`` points for each centre, so that memory doesn't grow with
    the number of images.
    """
    random = np.random.Generator(np.random.PCG64(config.seed))
    groups = {-1: np.arange(len(labels))}
    if config.balance == "class":
        groups = {int(label): np.flatnonzero(labels == label) for label in np.unique(labels)}
    size = -(-config.num_codes * config.points_per_centroid // (len(groups) * patches))
    return {label: np.sort(random.permutation(group)[:size]) for label, group in groups.items()}


def build(job: Job) -> None:
    """Extracts features on all ranks, clusters them on rank 0, and publishes the centres (K, C)."""
    config: CodebookConfig = job.config
    points, network, device = extract_features(job)
    if job.rank:
        return
    cuda = device.startswith("cuda")
    clustering = cluster(points, config, on_gpu=cuda, work=job.work / "centres")
    centres = whiten(clustering.centres) if config.whiten else clustering.centres
    write_array(job.work / "codebook.npy", centres)
    (job.work / "clustering.json").write_text(json.dumps(clustering.report, indent=1))
    report = clustering.report
    job.publish(
        files={"codebook.npy": job.work / "codebook.npy"},
        records={name: job.work / name for name in ("clustering.json", "dropped.json")},
        facts={
            "num_codes": len(centres), "feature_dim": centres.shape[1], "feature_network": network, "tap": config.tap,
            "centres": config.centres,
            "num_points": int(report["num_points"]), "backend": report["backend"],
        },
        images=job.inputs["data"].facts["num_train"],
        summary=f"{len(centres)} centres of {report['num_points']} points of {network} {config.tap} on "
        f"{report['backend']}, {report['empty']} empty, {report['duplicates']} duplicates, "
        f"nearest-pair cosine {report['nearest_pair_cosine']['median']:.3f}",
    )  # fmt: skip


if __name__ == "__main__":
    run_stage(STAGE, build)
