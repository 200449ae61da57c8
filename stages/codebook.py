"""Stage codebook: k-means centres of pretrained patch features."""

import json

import numpy as np

from configs.stages import CodebookConfig
from datamodules.images import EvaluationImages
from datamodules.shards import WRITTEN, ShardReader, ShardWriter
from lit_modules.codebook import LitCodebook, cluster, whiten
from networks.features import build_features
from networks.frozen import Frozen
from pipeline.job import Job, run_stage
from stages.published import open_index
from stages.rows import check_dropped, predict_rows
from stages.trainer import build_trainer

STAGE = "codebook"


def features_of_train(job: Job) -> tuple[np.ndarray, np.ndarray, str, str]:
    """Extracts patch features of every train image; returns points (M, P, C) float16, labels (M,), feature network
    and device. Resumes where a killed run stopped."""
    config: CodebookConfig = job.config
    index = open_index(job.inputs["data"])
    members = index.members("train")
    network = build_features(config.features)
    module = LitCodebook(Frozen(network), config.tap, config.pool)
    trainer = build_trainer(job, logger=False)
    images = EvaluationImages(index)
    patches, width = module.shape(images.size)
    writer = ShardWriter(job.work / "features", "features", len(members), (patches, width), "float16", 100_000)
    predict_rows(job, trainer, module, images, members, writer, config.batch_size)
    state = writer.state()
    check_dropped(index, members, state, config.max_unreadable)
    kept = np.flatnonzero(state == WRITTEN)
    labels = index.labels[members[kept]]
    chosen = rows_to_cluster(labels, patches, config)
    reader: ShardReader = writer.read()
    points = reader.gather(kept[chosen])
    return points, labels[chosen], network.source.name, str(trainer.strategy.root_device)


def rows_to_cluster(labels: np.ndarray, patches: int, config: CodebookConfig) -> np.ndarray:
    """Returns the images whose points k-means sees, sorted: all, or a seeded sample of each class (or of all) that
    gives ``points_per_centroid`` points a centre. Memory is bounded by it, not by the number of images."""
    random = np.random.Generator(np.random.PCG64(config.seed))
    groups = [np.arange(len(labels))]
    if config.balance == "class":
        groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    wanted = -(-config.num_codes * config.points_per_centroid // (len(groups) * patches))
    return np.sort(np.concatenate([random.permutation(group)[:wanted] for group in groups]))


def build(job: Job) -> None:
    """Extracts features on all ranks, clusters them on rank 0, publishes the centres (K, C)."""
    config: CodebookConfig = job.config
    points, labels, source, device = features_of_train(job)
    if job.rank:
        return
    cuda = device.startswith("cuda")
    clustering = cluster(points, labels, config, on_gpu=cuda)
    centres = whiten(clustering.centres) if config.whiten else clustering.centres
    np.save(job.work / "codebook.npy", centres, allow_pickle=False)
    (job.work / "clustering.json").write_text(json.dumps(clustering.report, indent=1))
    report = clustering.report
    job.publish(
        files={"codebook.npy": job.work / "codebook.npy"},
        records={"clustering.json": job.work / "clustering.json"},
        facts={
            "num_codes": len(centres), "feature_dim": centres.shape[1], "feature_network": source, "tap": config.tap,
            "num_points": int(report["num_points"]), "backend": report["backend"],
        },
        images=job.inputs["data"].facts["num_train"],
        summary=f"{len(centres)} centres of {report['num_points']} points of {source} {config.tap} on "
        f"{report['backend']}, {report['empty']} empty, nearest-pair cosine "
        f"{report['nearest_pair_cosine']['median']:.3f}",
    )  # fmt: skip


if __name__ == "__main__":
    run_stage(STAGE, build)
