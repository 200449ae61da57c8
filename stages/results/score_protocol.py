"""The protocol of stage scores: how its figures were measured."""

from collections.abc import Mapping
from typing import Any

from configs.schema.scores import ScoresConfig
from datamodules.index import ImageIndex
from pipeline.job import Job
from smalti.config.features import InceptionConfig
from stages.results.ancestors import teachers


def distance_name(config: ScoresConfig, judge: str, tap: str) -> str:
    """Returns the name of the Frechet distance over a tap: only Inception's pooled features give FID.

    >>> distance_name(ScoresConfig(judge=InceptionConfig(), reconstruction_tap="", generation_tap=""), "", "pooled")
    'FID'
    """
    return "FID" if isinstance(config.judge, InceptionConfig) and tap == "pooled" else f"fd_{judge}"


def lpips_protocol(job: Job) -> str:
    """Returns how LPIPS was measured, and whether its network was a teacher as well."""
    if job.config.lpips is None:
        return "absent: no lpips weights named"
    is_teacher = job.identity["weights"][job.config.lpips.weights] in teachers(job)
    return "vgg, [-1, 1]" + ("; the same VGG16 was a teacher, in another distance" if is_teacher else "")


def sampling_protocol(job: Job) -> dict[str, Any]:
    """Returns how the samples were drawn."""
    if "samples" not in job.inputs:
        return {}
    samples = job.inputs["samples"]
    return {
        "number": samples.facts["num_samples"], "labels": samples.facts["labels"], "seed": samples.facts["seed"],
        **{prior: samples.config[prior] for prior in samples.facts["priors"]},
        "precision": samples.config["precision"],
        "guidance": "parameter s: u + s (c - u); parameter w: s = 1 + w",
    }  # fmt: skip


def protocol(
    job: Job, judge: str, index: ImageIndex, num_val: int, generation: Mapping[str, str], absent: dict[str, str]
) -> dict[str, Any]:
    """Returns everything that somebody needs to measure the same figures.

    Args:
        judge: name of the judge network.
        num_val: val images that were measured.
        generation: which images generation was measured on.
        absent: reasons of the figures that are absent, by name.
    """
    config: ScoresConfig = job.config
    return {
        "judge": judge, "judge_sha256": job.identity["weights"][config.judge.weights],
        "frechet": "float64, taps averaged over positions",
        "reconstruction_distance": distance_name(config, judge, config.reconstruction_tap),
        "generation_distance": distance_name(config, judge, config.generation_tap),
        "reconstruction_tap": config.reconstruction_tap, "generation_tap": config.generation_tap,
        "reconstruction_reference": f"the same {num_val} val crops",
        **generation,
        "reference_listing": index.facts.listing, "data_digest": job.inputs["data"].digest,
        "crop": "ADM centre crop", "resize": "box halving, then bicubic (Pillow)",
        "images": "uint8: floor(127.5 x + 128)", "psnr": "RGB, range 1, mean over images",
        "ssim": "Gaussian 11, sigma 1.5, range 1, border of 5 left out", "lpips": lpips_protocol(job),
        "network_dtype": "float32", "weights": "EMA", "samples": sampling_protocol(job), "absent": absent,
    }  # fmt: skip
