"""Stage scores: every figure, with the protocol that it was measured by."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from configs.schema.scores import ScoresConfig
from datamodules.arrays import read_array
from datamodules.images import EvaluationImages, evaluation_loader
from datamodules.index import ImageIndex
from datamodules.sampler import StridedSampler
from datamodules.shards import DROPPED, WRITTEN, ShardReader
from datamodules.workers import leave_signals_to_the_stage
from lit_modules.scores import Judge, LitFeatureScores, LitReconstructionScores
from pipeline.job import Job, run_stage
from smalti.artifact import Artifact
from smalti.codebooks import FactorisedCodebooks
from smalti.config.features import InceptionConfig
from smalti.features import build_features
from smalti.layers.frozen import Frozen
from smalti.losses.lpips import build_lpips
from smalti.metrics.class_agreement import ClassJudge
from smalti.metrics.frechet import FeatureStatistics, TooFewImages, distance_between
from smalti.metrics.inception import PARTS, inception_score
from smalti.pixels import to_uint8
from smalti.tokenizers.vq_tokenizer import VQTokenizer
from stages.results.ancestors import check_judge
from stages.results.prediction import check_dropped
from stages.results.published import check_size, check_tokenizer, fixed_images, load_decoders, open_index
from stages.results.score_protocol import protocol
from stages.training.trainer import build_trainer, lay_out

STAGE = "scores"
Batch = dict[str, Tensor]


class TrainSubset(Dataset[Batch]):
    """Train images, of which a seeded choice is marked for the class judge."""

    def __init__(self, images: EvaluationImages, chosen: np.ndarray) -> None:
        self.images, self.chosen = images, set(chosen.tolist())

    def __getitem__(self, index: int) -> Batch:
        return {**self.images[index], "classify": torch.tensor(index in self.chosen)}


class SampleImages(Dataset[Batch]):
    """The samples of one prior, decoded by one decoder."""

    def __init__(self, reader: ShardReader, labels: np.ndarray, decoder: int) -> None:
        self.reader, self.labels, self.decoder = reader, labels, decoder

    def __len__(self) -> int:
        return len(self.reader)

    def __getitem__(self, row: int) -> Batch:
        image = torch.from_numpy(self.reader[row][self.decoder].copy())
        yes, label = torch.tensor(True), torch.tensor(int(self.labels[row]))
        return {"images": image[None], "labels": label, "index": torch.tensor(row), "readable": yes, "classify": yes}


def check_classes(index: ImageIndex, samples: Artifact) -> None:
    """Raises ValueError if the samples' labels aren't those of the data."""
    names = samples.facts["class_names"]
    if names and names != index.facts.class_names:
        raise ValueError(
            f"{samples.path}: samples of {len(names)} classes ({', '.join(names[:3])} ...), the data has "
            f"{len(index.facts.class_names)} ({', '.join(index.facts.class_names[:3])} ...); name the data that the "
            "priors were trained on"
        )


def run_test(job: Job, module: LightningModule, loader: DataLoader[Batch]) -> None:
    """Runs ``test_step`` over a loader that is split over the ranks already."""
    trainer = build_trainer(job, logger=False)
    trainer.test(module, loader, verbose=False)


def distance(a: FeatureStatistics, b: FeatureStatistics, absent: dict[str, str], figure: str) -> float | None:
    """Returns the Frechet distance; None where there are too few images, with the reason in ``absent[figure]``."""
    try:
        return distance_between(a, b)
    except TooFewImages as error:
        absent[figure] = str(error)
        return None


def reconstruction_figures(module: LitReconstructionScores, absent: dict[str, str]) -> dict[str, Any]:
    """Returns PSNR, SSIM, LPIPS and Frechet distance of each tokenizer, and the usage on val."""
    figures: dict[str, Any] = {}
    values: dict[str, Any]
    for name, means in module.means.items():
        values = {figure: float(metric.compute()) for figure, metric in means.items()}  # type: ignore[operator]
        figures[name] = values
        statistics = module.statistics[name]
        assert isinstance(statistics, FeatureStatistics)
        values["frechet"] = distance(module.reference, statistics, absent, f"reconstruction/{name}/frechet")
    figures["val_codebook"] = {name: float(value) for name, value in module.usage.compute().items()}
    return figures


def reference_members(index: ImageIndex, config: ScoresConfig) -> np.ndarray:
    """Returns the train images that generation is compared with, in seeded order."""
    order = np.random.Generator(np.random.PCG64(0)).permutation(index.members("train"))
    return order if config.reference_images is None else order[: config.reference_images]


def score_samples(
    job: Job,
    judge: Judge,
    samples: Artifact,
    index: ImageIndex,
    world: tuple[int, int],
    val: LitReconstructionScores,
    absent: dict[str, str],
) -> dict[str, Any]:
    """Returns, for each prior and decoder, the Frechet distance to the train images, the class agreement, and, by an
    Inception, the Inception score."""
    config: ScoresConfig = job.config
    members = reference_members(index, config)
    chosen = members[: config.classifier_images]
    train = LitFeatureScores(judge, config.generation_tap, config.classifier_tap)
    images = TrainSubset(EvaluationImages(index), chosen)
    loader = DataLoader(
        images, config.batch_size, sampler=StridedSampler(members, *world), num_workers=config.runtime.num_workers,
        worker_init_fn=leave_signals_to_the_stage,
    )  # fmt: skip
    run_test(job, train, loader)
    class_judge, logits_tap = None, None
    if len(index.facts.class_names) > 1:
        class_judge = ClassJudge(train.features.compute().numpy(), train.labels.compute().long().numpy())
    else:
        absent["generation/class_agreement"] = "fewer than two classes"
    if not isinstance(config.judge, InceptionConfig):
        absent["generation/inception_score"] = "the judge isn't of kind inception"
    elif samples.facts["num_samples"] < PARTS:
        absent["generation/inception_score"] = f"fewer than {PARTS} samples"
    else:
        logits_tap = "logits"
    figures: dict[str, Any] = {}
    if class_judge:
        figures["val"] = asdict(
            class_judge.agreement(val.features.compute().numpy(), val.labels.compute().long().numpy())
        )
    labels = read_array(samples.file("labels.npy"))
    for prior in samples.facts["priors"]:
        reader = ShardReader(sorted((samples.path / prior).glob("images-*.npy")))
        for number, decoder in enumerate(samples.facts["decoders"]):
            found = LitFeatureScores(judge, config.generation_tap, config.classifier_tap, logits_tap)
            rows = SampleImages(reader, labels, number)
            sampler = StridedSampler(np.arange(len(rows)), *world)
            run_test(job, found, DataLoader(rows, config.batch_size, sampler=sampler))
            name = f"generation/{prior}/{decoder}/frechet"
            values: dict[str, Any] = {"frechet": distance(train.statistics, found.statistics, absent, name)}
            if logits_tap:
                values["inception_score"] = inception_score(found.ordered_logits())
            if class_judge:
                predicted = found.features.compute().numpy(), found.labels.compute().long().numpy()
                values["class_agreement"] = asdict(class_judge.agreement(*predicted))
            figures[f"{prior}/{decoder}"] = values
    return figures


def pictures(index: ImageIndex, tokenizers: dict[str, Frozen[VQTokenizer]], number: int) -> dict[str, np.ndarray]:
    """Returns what the report shows of val images: uint8 originals and reconstructions (M, 3, H, W), tokens."""
    images = fixed_images(index, number)
    found = {"original": to_uint8(images).numpy()}
    with torch.no_grad():
        for name, held in tokenizers.items():
            tokens = held.network.cpu().encode(images)
            found[name] = to_uint8(held.network.decode(tokens)).numpy()
            found["tokens"] = tokens.numpy()
            quantizer = held.network.quantizer
            if name == "phase1" and isinstance(quantizer, FactorisedCodebooks):
                for book in range(quantizer.num_books):
                    alone = held.network.decoder(quantizer.decode_alone(tokens, book)).clamp(-1, 1)
                    found[f"book{book}"] = to_uint8(alone).numpy()
    return found


def build(job: Job) -> None:
    """Measures reconstruction and generation; publishes scores.json."""
    config: ScoresConfig = job.config
    network = build_features(config.judge)
    check_judge(network.source.name, job)
    index = open_index(job.inputs["data"])
    made_for = [job.inputs[name] for name in ("samples", "token_shards") if name in job.inputs]
    check_tokenizer(made_for, job.inputs["tokenizer"])
    check_size(index, job.inputs["tokenizer"])
    if "samples" in job.inputs:
        check_classes(index, job.inputs["samples"])
    tokenizers = load_decoders(job)
    lay_out(config.runtime, network, *(held.network for held in tokenizers.values()))
    logits = ["logits"] if isinstance(config.judge, InceptionConfig) else []
    taps = [config.reconstruction_tap, config.generation_tap, config.classifier_tap, *logits]
    judge = Judge(Frozen(network), taps)
    absent: dict[str, str] = {}
    lpips = Frozen(build_lpips(config.lpips)) if config.lpips else None

    probe = build_trainer(job, logger=False)
    world = (probe.global_rank, probe.world_size)
    module = LitReconstructionScores(tokenizers, judge, config.reconstruction_tap, config.classifier_tap, lpips)
    val = index.members("val")
    loader = evaluation_loader(EvaluationImages(index), val, config.batch_size, config.runtime.num_workers, *world)
    run_test(job, module, loader)
    figures: dict[str, Any] = {"reconstruction": reconstruction_figures(module, absent)}
    state = np.full(len(val), WRITTEN)
    state[np.isin(val, np.asarray(module.dropped.compute(), dtype=np.int64))] = DROPPED
    check_dropped(index, val, state, config.max_unreadable)
    num_val = int((state == WRITTEN).sum())  # over all ranks
    if "token_shards" in job.inputs:
        facts = job.inputs["token_shards"].facts
        names = [name.removeprefix("train_") for name in facts if name.startswith("train_")]
        figures["train_codebook"] = {name: facts[f"train_{name}"] for name in names}
    if "samples" in job.inputs:
        figures["generation"] = score_samples(job, judge, job.inputs["samples"], index, world, module, absent)
    if job.rank:
        return
    name = network.source.name
    figures["protocol"] = protocol(job, name, index, num_val, len(reference_members(index, config)), absent)
    (job.work / "scores.json").write_text(json.dumps(figures, indent=1))
    arrays = pictures(index, tokenizers, config.num_pictures)
    for key, array in arrays.items():
        np.save(job.work / f"{key}.npy", array, allow_pickle=False)
    found = [figures["reconstruction"][phase] for phase in tokenizers]
    distances = figures["protocol"]["reconstruction_distance"]
    job.publish(
        files={"scores.json": job.work / "scores.json"},
        records={f"pictures/{key}.npy": job.work / f"{key}.npy" for key in arrays},
        facts=figures,
        images=num_val,
        summary=f"PSNR {_arrow(found, 'psnr')} dB, {distances} {_arrow(found, 'frechet')}",
    )


def _arrow(found: list[dict[str, float | None]], figure: str) -> str:
    return " -> ".join("absent" if (value := values[figure]) is None else f"{value:.2f}" for values in found)


if __name__ == "__main__":
    run_stage(STAGE, build)
