"""Stage scores: every figure, with the protocol by which it was measured."""

import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from configs.schema.scores import ScoresConfig
from datamodules.arrays import write_array
from datamodules.images import EvaluationImages
from datamodules.index import ImageIndex
from lit_modules.scores import Judge, LitReconstructionScores
from pipeline.job import Job, run_stage
from smalti.codebooks import FactorisedCodebooks
from smalti.config.features import InceptionConfig
from smalti.evaluation.figures import Absent
from smalti.features import build_features
from smalti.layers.frozen import Frozen
from smalti.losses.lpips import build_lpips
from smalti.pixels import to_uint8
from smalti.tokenizers.vq_tokenizer import VQTokenizer
from stages.results.ancestors import check_judge
from stages.results.generation_scores import generation_scores
from stages.results.prediction import check_dropped
from stages.results.published import check_classes, check_size, check_tokenizer, fixed_images, load_decoders, open_index
from stages.results.reconstruction_scores import reconstruction_scores
from stages.results.score_protocol import protocol
from stages.results.testing import run_test
from stages.training.trainer import lay_out

STAGE = "scores"


def check_inputs(job: Job, index: ImageIndex, judge: str) -> None:
    """Raises ValueError if the judge was a teacher, or if data, samples or shards don't fit the tokenizer."""
    check_judge(judge, job)
    tokenizer = job.inputs["tokenizer"]
    check_tokenizer([job.inputs[name] for name in ("samples", "token_shards") if name in job.inputs], tokenizer)
    check_size(index, tokenizer)
    if "samples" in job.inputs:
        check_classes(index, job.inputs["samples"])


def pictures(index: ImageIndex, tokenizers: dict[str, Frozen[VQTokenizer]], number: int) -> dict[str, np.ndarray]:
    """Returns what the report shows of val images: uint8 originals and reconstructions (M, 3, H, W), and tokens."""
    images = fixed_images(index, number)
    arrays = {"original": to_uint8(images).numpy()}
    with torch.no_grad():
        for phase, frozen in tokenizers.items():
            tokenizer = frozen.network.cpu()
            tokens, quantizer = tokenizer.encode(images), tokenizer.quantizer
            arrays[phase] = to_uint8(tokenizer.decode(tokens)).numpy()
            arrays["tokens"] = tokens.numpy()
            if phase == "phase1" and isinstance(quantizer, FactorisedCodebooks):
                for book in range(quantizer.num_books):
                    alone = tokenizer.decoder(quantizer.decode_alone(tokens, book)).clamp(-1, 1)
                    arrays[f"book{book}"] = to_uint8(alone).numpy()
    return arrays


def build(job: Job) -> None:
    """Measures reconstruction and generation; publishes scores.json."""
    config: ScoresConfig = job.config
    network = build_features(config.judge)
    index = open_index(job.inputs["data"])
    check_inputs(job, index, network.source.name)
    tokenizers = load_decoders(job)
    lay_out(config.runtime, network, *(frozen.network for frozen in tokenizers.values()))
    logits = ["logits"] if isinstance(config.judge, InceptionConfig) else []
    taps = [config.reconstruction_tap, config.generation_tap, config.classifier_tap, *logits]
    judge = Judge(Frozen(network), taps)
    lpips = {f"lpips_{lpips.backbone}": Frozen(build_lpips(lpips)) for lpips in config.lpips}

    module = LitReconstructionScores(
        tokenizers, judge, config.reconstruction_tap, config.classifier_tap, lpips,
        math.prod(job.inputs["tokenizer"].facts["grid"]), logits[0] if logits else None,
    )  # fmt: skip
    val = index.members("val")
    run_test(job, module, EvaluationImages(index), val, config.runtime.num_workers)
    unreadable = val[np.isin(val, np.asarray(module.dropped.compute(), dtype=np.int64))]  # of all ranks
    check_dropped(job, index, unreadable, len(val))
    num_val = len(val) - len(unreadable)
    reconstruction = reconstruction_scores(module)
    generation = generation_scores(job, judge, index, module) if "samples" in job.inputs else None
    if job.rank:
        return

    figures: dict[str, Any] = {"reconstruction": reconstruction.values()}
    if "token_shards" in job.inputs:
        facts = job.inputs["token_shards"].facts
        names = [name for name in facts if name.startswith("train_")]
        figures["train_codebook"] = {name.removeprefix("train_"): facts[name] for name in names}
    if generation:
        figures["generation"] = generation.values()
    absent = reconstruction.absent() | (generation.absent() if generation else {})
    measured = generation.measured if generation else {}
    figures["protocol"] = protocol(job, network.source.name, index, num_val, measured, absent)
    (job.work / "scores.json").write_text(json.dumps(figures, indent=1, allow_nan=False))
    arrays = pictures(index, tokenizers, config.num_pictures)
    for name, array in arrays.items():
        write_array(job.work / f"{name}.npy", array)
    psnr = in_turn(means["psnr"] for means in reconstruction.means.values())
    frechet = in_turn(reconstruction.frechet.values())
    job.publish(
        files={"scores.json": job.work / "scores.json"},
        records={f"pictures/{name}.npy": job.work / f"{name}.npy" for name in arrays},
        facts=figures,
        images=num_val,
        summary=f"PSNR {psnr} dB, {figures['protocol']['reconstruction_distance']} {frechet}",
    )


def in_turn(figures: Iterable[float | Absent]) -> str:
    """Returns the figures of one phase after the other; of those that are absent the reason, once.

    >>> in_turn([20.0, 21.5]), in_turn([Absent("too few images"), Absent("too few images")])
    ('20.00 -> 21.50', 'absent (too few images)')
    """
    values = list(figures)
    reasons = list(dict.fromkeys(figure.reason for figure in values if isinstance(figure, Absent)))
    if len(reasons) == 1 and all(isinstance(figure, Absent) for figure in values):
        return f"absent ({reasons[0]})"
    said = [f"absent ({figure.reason})" if isinstance(figure, Absent) else f"{figure:.2f}" for figure in values]
    return " -> ".join(said)


if __name__ == "__main__":
    run_stage(STAGE, build)
