"""The model card of a saved network: what its manifests say, and nothing that they don't."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from smalti.artifact import MANIFEST, Artifact
from smalti.config.parsing import plain
from smalti.config.saved import SavedPrior, SavedTokenizer
from smalti.saving import CARD, CONFIG

Rows = list[tuple[str, str]]

TAGS = {"tokenizer": ("image-tokenizer", "vector-quantization"), "prior": ("image-generation",)}
LICENCE_OF_DATA = {"embedded": "Microsoft's Fluent emoji, MIT"}
SHOWN = 10  # classes
UNKNOWN_LICENCE = "not recorded; whoever publishes the weights names it"
# Figures that a card shows, by their names in scores.json.
RECONSTRUCTION = ("psnr", "ssim", "lpips_vgg", "lpips_alex", "frechet")
GENERATION = ("frechet", "precision", "recall", "density", "coverage")
# What the protocol says of the figures that a card shows.
PROTOCOL = (
    "judge", "judge_sha256", "reconstruction_distance", "generation_distance", "crop", "resize", "images", "psnr",
    "ssim",
)  # fmt: skip


def ancestors(artifact: Artifact) -> dict[str, Artifact]:
    """Returns what an artefact was made from, as far as it lies beside it, by stage; nearer ones first."""
    found: dict[str, Artifact] = {}
    for parent in artifact.parents():
        found.setdefault(parent.stage, parent)
    for parent in list(found.values()):
        for stage, other in ancestors(parent).items():
            found.setdefault(stage, other)
    return found


def scores_of(artifact: Artifact) -> dict[str, Any] | None:
    """Returns the newest scores that were made with an artefact, itself or what it drew; None if there are none."""
    found = []
    for folder in artifact.beside("scores").glob("[!.]*"):
        if (folder / MANIFEST).is_file():
            scores = Artifact(folder)
            used = {scores.digest, *(parent.digest for parent in ancestors(scores).values())}
            if artifact.digest in used:
                found.append(scores)
    newest = max(found, key=lambda scores: scores.manifest["made_by"]["finished"], default=None)
    return json.loads(newest.file("scores.json").read_text()) if newest else None


def figures(artifact: Artifact, saved: SavedTokenizer | SavedPrior) -> tuple[Rows, Rows]:
    """Returns the figures of a published network by name, and how they were measured; nothing if it has none."""
    scores = scores_of(artifact)
    if scores is None:
        return [], []
    protocol = scores["protocol"]
    found: Rows = []
    if isinstance(saved, SavedTokenizer):
        phase = scores["reconstruction"].get("phase1" if artifact.stage == "tokenizer" else "phase2", {})
        found += _named(phase, RECONSTRUCTION, protocol["reconstruction_distance"], "")
    else:
        for place, values in scores.get("generation", {}).items():
            if place.startswith(f"{saved.prior}/") and "frechet" in values:
                found += _named(values, GENERATION, protocol["generation_distance"], f"{place}: ")
    return found, [(name, str(protocol[name])) for name in PROTOCOL if name in protocol]


def _named(values: Mapping[str, Any], names: Sequence[str], distance: str, before: str) -> Iterator[tuple[str, str]]:
    """Yields the figures that are there, the Frechet distance by its own name."""
    for name in names:
        if values.get(name) is not None:
            yield f"{before}{distance if name == 'frechet' else name}", f"{values[name]:.4g}"


def listed(names: Sequence[str]) -> str:
    """Returns the number of classes and the first of their names.

    >>> listed(["cat", "dog"]), listed([])
    ('2: cat, dog', 'none')
    """
    return f"{len(names)}: {', '.join(names[:SHOWN])}{', ...' if len(names) > SHOWN else ''}" if names else "none"


def said_of_data(artifact: Artifact) -> Iterator[tuple[str, str]]:
    """Yields what is known of the images that a network was trained on."""
    data = ancestors(artifact).get("data")
    if data is None:
        yield "images", "unknown: the index of the data set isn't beside the result"
        return
    facts, kind = data.facts, data.config["source"]["kind"]
    yield "images", f"{facts['num_train']} train, {facts['num_val']} val, {facts['image_size']} px, source {kind}"
    yield "classes", listed(facts["class_names"])
    yield "licence of the images", LICENCE_OF_DATA.get(kind, UNKNOWN_LICENCE)


def head(saved: SavedTokenizer | SavedPrior) -> Iterator[tuple[str, str]]:
    """Yields what the saved folder itself says of the network."""
    if isinstance(saved, SavedTokenizer):
        side = saved.image_size // saved.autoencoder.factor
        yield "kind", f"tokenizer: {saved.autoencoder.kind}, codebook {saved.quantizer.kind}"
        yield "tokens", f"{getattr(saved.quantizer, 'num_books', 1)} x {side} x {side} of {saved.num_codes} codes"
        yield "images", f"{saved.image_size} px, RGB in [-1, 1]"
        yield "decoder", "phase 2, with attention" if saved.attention else "of phase 1"
    else:
        yield "kind", f"prior: {saved.prior}"
        yield "tokens of", f"phase 1 {saved.tokens[:16]}"
        yield "classes", listed(saved.class_names)
        yield "sampler", f"`{json.dumps(plain(saved.settings))}`"


def teacher_rows(saved: SavedTokenizer | SavedPrior) -> Iterator[tuple[str, str]]:
    """Yields the pretrained networks behind the weights, with their licences."""
    if saved.origin.teachers is None:
        yield "unknown", "imported, or a result that it was made from is gone"
    for teacher in saved.origin.teachers or ():
        yield teacher.name, f"stage {teacher.stage}; {teacher.licence}; sha256 `{teacher.sha256[:16]}`"
    if saved.origin.teachers == ():
        yield "none", ""


def table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """Returns a section with a table of two columns."""
    lines = [f"| {name} | {' '.join(text.split()).replace('|', chr(92) + '|')} |" for name, text in rows]
    return "\n".join([f"## {title}", "", "| | |", "|---|---|", *lines, ""])


def loading(saved: SavedTokenizer | SavedPrior) -> str:
    """Returns how the folder is loaded, in Python."""
    if isinstance(saved, SavedTokenizer):
        lines = [
            'tokenizer = smalti.Tokenizer.from_pretrained("THIS")',
            'tokens = tokenizer.encode(tokenizer.read("image.png"))',
            "images = tokenizer.decode(tokens)",
        ]
    else:
        condition = f"classes=[{json.dumps(saved.class_names[0])}]" if saved.class_names else "num=4"
        lines = [
            'tokenizer = smalti.Tokenizer.from_pretrained("ITS TOKENIZER")',
            'prior = smalti.Prior.from_pretrained("THIS", tokenizer)',
            f"images = prior.generate({condition}, seed=0)",
        ]
    return "\n".join(["## Loading", "", "```python", "import smalti", "", *lines, "```", ""])


def card(saved: SavedTokenizer | SavedPrior, published: Path | None = None) -> str:
    """Returns the card in Markdown, with the front matter that the Hugging Face hub reads.

    Args:
        published: the folder of the published result that the weights are from, whose data, figures and settings are
            then told.
    """
    origin = saved.origin
    front = ["---", "library_name: smalti", "tags:", *(f"- {tag}" for tag in TAGS[saved.kind]), "---", ""]
    made = origin.imported or f"stage {origin.stage}, key {origin.key}"
    rows = [*head(saved), ("from", made), ("sha256 of the result", f"`{origin.digest}`")]
    if origin.git:
        rows.append(("commit of smalti", f"`{origin.git}`"))
    parts = ["\n".join(front), f"# A {saved.kind} of smalti\n", table("What it is", rows), loading(saved)]
    if published is not None and (published / MANIFEST).is_file():
        artifact = Artifact(published)
        parts.append(table("Data", said_of_data(artifact)))
        found, protocol = figures(artifact, saved)
        if found:
            parts += [table("Figures", found), table("How they were measured", protocol)]
        settings = json.dumps(artifact.config, indent=1)
        parts.append(f"## Settings of stage {artifact.stage}\n\n```json\n{settings}\n```\n")
    parts.append(table("Pretrained networks behind it", teacher_rows(saved)))
    return "\n".join(parts)


def card_of(saved: SavedTokenizer | SavedPrior, source: Path | None) -> str:
    """Returns the card of a network that was loaded from a folder: the folder's own, where it has one."""
    if source is not None and (source / CONFIG).is_file() and (source / CARD).is_file():
        return (source / CARD).read_text(encoding="utf-8")
    return card(saved, source)
