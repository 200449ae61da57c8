"""Which protocols of ``smalti evaluate`` measure a figure of stage scores alike, and how the others differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from smalti.evaluation.protocols import PROTOCOLS, Protocol

RECONSTRUCTION, GENERATION = "reconstruction/PHASE", "generation/PRIOR/PHASE"
CLEAN = "clean-fid's resize"
DIGESTS = "parts in the order of the images' digests"


@dataclass(frozen=True)
class Named:
    """``same``: the protocols by which a figure is measured alike, down to the code. ``differs``: how the others have
    it, by their names."""

    same: list[str] = field(default_factory=list)
    differs: dict[str, str] = field(default_factory=dict)

    def add(self, protocol: str, difference: str) -> None:
        """Notes one protocol; "" is no difference."""
        if difference:
            self.differs[protocol] = difference
        else:
            self.same.append(protocol)


def named_protocols(lpips: Sequence[str], has_logits: bool, has_samples: bool) -> dict[str, Named]:
    """Returns for each figure of scores.json, by its place there, the protocols of ``smalti evaluate``.

    What isn't listed is no figure of that command: codebook usage, perplexity, entropy, class agreement.

    Args:
        lpips: names of the figures of LPIPS.
        has_logits: whether the judge gives Inception scores.
        has_samples: whether samples are scored.
    """
    found: dict[str, Named] = {}
    for protocol in PROTOCOLS.values():
        for place, difference in _differences(protocol, lpips, has_logits):
            if has_samples or not place.startswith(GENERATION):
                found.setdefault(place, Named()).add(protocol.name, difference)
    return found


def _differences(protocol: Protocol, lpips: Sequence[str], has_logits: bool) -> Iterator[tuple[str, str]]:
    """Yields (figure, how a protocol differs)."""
    for name, kind in (("psnr", "psnr"), ("psnr_y", "psnr"), ("ssim", "ssim"), ("ssim_llamagen", "ssim")):
        instead = next(other for other in protocol.pixels if other.startswith(kind))
        yield f"{RECONSTRUCTION}/{name}", "" if instead == name else f"{instead} instead"
    for name in lpips:
        difference = "images in [-1, 1] taken for [0, 1]" if protocol.lpips_again else ""
        yield f"{RECONSTRUCTION}/{name}", difference
    resize = "" if protocol.resize == "tensorflow" else CLEAN
    yield f"{RECONSTRUCTION}/frechet", resize
    for name in ("frechet", "precision", "recall", "density", "coverage"):
        yield f"{GENERATION}/{name}", resize
    if has_logits:
        shuffled = "parts of the images as they come" if protocol.as_given else DIGESTS
        as_they_come = "" if protocol.as_given else DIGESTS
        yield f"{RECONSTRUCTION}/inception_score", resize or f"{shuffled}, not of a fixed shuffle"
        yield f"{RECONSTRUCTION}/inception_score_in_order", resize or as_they_come
        yield f"{GENERATION}/inception_score", resize or as_they_come


def named_table(named: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Returns the report's table of what scores.json says of them, its head first."""
    rows = [["figure", "as smalti evaluate --protocol", "otherwise"]]
    for place, said in named.items():
        differs = "; ".join(f"{name}: {difference}" for name, difference in said["differs"].items())
        rows.append([place, ", ".join(said["same"]), differs])
    return rows
