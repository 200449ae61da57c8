"""The protocol of stage scores: how its figures were measured."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from configs.schema.generation import GenerationConfig
from configs.schema.scores import ScoresConfig
from datamodules.index import ImageIndex
from pipeline.job import Job
from smalti.config.features import InceptionConfig
from smalti.metrics.usage_window import WINDOW
from smalti.published import drawn_settings
from stages.results.ancestors import lpips_teachers, teachers
from stages.results.named_protocols import named_protocols
from stages.results.reconstruction_scores import WINDOW_USAGE


def distance_name(config: GenerationConfig, judge: str, tap: str) -> str:
    """Returns the name of the Frechet distance over a tap: only Inception's pooled features give FID.

    >>> distance_name(ScoresConfig(judge=InceptionConfig(), reconstruction_tap="", generation_tap=""), "", "pooled")
    'FID'
    """
    return "FID" if isinstance(config.judge, InceptionConfig) and tap == "pooled" else f"fd_{judge}"


def lpips_protocol(job: Job) -> dict[str, str]:
    """Returns how each LPIPS was measured, and whether its network was a teacher as well."""
    found = {}
    for lpips in job.config.lpips:
        digest, marks = job.identity["weights"][lpips.weights], ""
        if digest in lpips_teachers(job):
            marks = "; this very distance was a teacher"
        elif digest in teachers(job):
            marks = "; the same network was a teacher, in another distance"
        found[f"lpips_{lpips.backbone}"] = f"{lpips.backbone}, version 0.1, [-1, 1], mean over images{marks}"
    return found or {"lpips": "absent: scores.lpips names no backbone"}


def sampling_protocol(job: Job) -> dict[str, Any]:
    """Returns how the samples were drawn."""
    if "samples" not in job.inputs:
        return {}
    samples = job.inputs["samples"]
    return {
        "number": samples.facts["num_samples"], "labels": samples.facts["labels"], "seed": samples.facts["seed"],
        **{prior: drawn_settings(samples, prior) for prior in samples.facts["priors"]},
        "precision": samples.config["precision"],
        "guidance": "parameter s: u + s (c - u); parameter w: s = 1 + w",
    }  # fmt: skip


def protocol(
    job: Job, judge: str, index: ImageIndex, num_val: int, generation: Mapping[str, Any], absent: dict[str, str]
) -> dict[str, Any]:
    """Returns everything that somebody needs to measure the same figures.

    Args:
        judge: name of the judge network.
        num_val: val images that were measured.
        generation: which images generation was measured on.
        absent: reasons of the figures that are absent, by name.
    """
    config: ScoresConfig = job.config
    has_samples = "samples" in job.inputs
    backbones = [f"lpips_{lpips.backbone}" for lpips in config.lpips]
    by_name = named_protocols(backbones, isinstance(config.judge, InceptionConfig), has_samples)
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
        "psnr_y": "Y = 16 + 65.481 R + 128.553 G + 24.966 B (ITU-R BT.601), range 255, mean over images",
        "ssim": "RGB, Gaussian 11, sigma 1.5, range 1, border of 5 left out",
        "ssim_llamagen": "RGB, window 7, range taken for 2, border of 3 left out, as in LlamaGen's and FQGAN's code",
        **lpips_protocol(job),
        WINDOW_USAGE: f"distinct codes among {WINDOW} val tokens, those of the first images of a fixed shuffle",
        "reconstruction_inception_score": "ten parts: of a fixed shuffle of the val images; and in_order, of the data",
        "generation_inception_score": "ten parts, in the order of the samples' numbers",
        "network_dtype": "float32", "weights": "EMA", "samples": sampling_protocol(job), "absent": absent,
        "named": {figure: asdict(named) for figure, named in by_name.items()},
    }  # fmt: skip
