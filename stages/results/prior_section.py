"""The report's section in which the priors of one tokenizer stand side by side."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from datamodules.arrays import read_array
from smalti.artifact import Artifact
from smalti.config.prior_kinds import PRIOR_KINDS
from stages.results.report_figures import labelled_grid
from stages.results.report_page import Section

CLASSES = 12  # whose samples are shown, at most
ABSENT = "absent"


def prior_section(samples: Artifact, priors: Mapping[str, Artifact], scores: Mapping[str, Any]) -> Section:
    """Returns figures of each prior, and its samples of the same classes below those of the others.

    ``priors`` by the name of their kind; ``scores`` as in scores.json. Images and distances are those of the last
    decoder.
    """
    decoder = samples.facts["decoders"][-1]
    generation = scores["generation"]
    distance = scores["protocol"]["generation_distance"]
    columns = ["parameters", "updates", "training, s", "val loss", "s an image", distance, "own class", "usage"]
    table = [["", *columns]]
    for name, prior in priors.items():
        found = generation[f"{name}/{decoder}"]
        own, made_by = found.get("class_agreement"), prior.manifest["made_by"]
        seconds = samples.manifest["made_by"].get("seconds_per_image", {}).get(name)
        table.append([
            PRIOR_KINDS[name].title,
            f"{made_by['parameters']:,}" if "parameters" in made_by else ABSENT,
            f"{prior.facts['updates']:,}", f"{made_by['seconds']:,.0f}", val_loss(prior.facts),
            ABSENT if seconds is None else f"{seconds:.3g}",
            ABSENT if found["frechet"] is None else f"{found['frechet']:.3f}",
            f"{own['balanced']:.1%}" if own else ABSENT,
            f"{generation[f'{name}/codebook']['usage']:.1%}",
        ])  # fmt: skip
    text = (
        "Bits a token compare between priors over tokens alone; a loss over latents is each prior's own (mean squared "
        "error of noise or velocity, with DiT's bound). An image's seconds are those of drawing, decoding and writing "
        f"it, in batches. Own class is balanced over the classes; usage is that of the generated tokens. Decoded by "
        f"{decoder}."
    )
    return Section(
        "Priors side by side", text, tables=[("", table)], pictures=sample_rows(samples, list(priors)), dense=True
    )


def val_loss(facts: Mapping[str, Any]) -> str:
    """Returns a prior's loss on val images with its unit.

    >>> val_loss({"val_loss_nats": 2 * math.log(2)})
    '2.000 bits a token'
    """
    if "val_loss_nats" in facts:
        return f"{facts['val_loss_nats'] / math.log(2):.3f} bits a token"
    return f"{facts['val_loss']:.4f}"


def sample_rows(samples: Artifact, priors: list[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Returns for each of the first classes the first eight samples of each prior, a row each."""
    labels = read_array(samples.file("labels.npy"))
    names = samples.facts["class_names"] or ["all"]
    images = {prior: read_array(samples.file(f"{prior}/images-00000.npy"), "r") for prior in priors}
    pictures = []
    for label, class_name in enumerate(names[:CLASSES]):
        rows = []
        for prior in priors:
            chosen = np.flatnonzero(labels[: len(images[prior])] == label)[:8]
            rows.append((PRIOR_KINDS[prior].title, images[prior][chosen, -1]))
        pictures.append((class_name, labelled_grid(rows)))
    return pictures
