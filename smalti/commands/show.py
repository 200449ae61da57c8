"""``smalti show``: what a folder holds."""

import argparse
import json
from pathlib import Path
from typing import Any

from smalti.config.saved import Origin, SavedPrior, SavedTokenizer

TEXT = "says what a folder holds: kind, parameters, codes, grid, teachers and their licences, where it came from"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="folder of a published or saved tokenizer or prior")
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")


def facts(saved: SavedTokenizer | SavedPrior) -> dict[str, Any]:
    """Returns what is worth knowing of a folder, by name; networks are built on the meta device to be counted."""
    import torch

    from smalti.config.prior_kinds import PRIOR_KINDS
    from smalti.tokenizer import build_tokenizer

    with torch.device("meta"):
        if isinstance(saved, SavedPrior):
            network = PRIOR_KINDS[saved.prior].build(saved.network, saved.space)
            own = {
                "kind": f"prior ({PRIOR_KINDS[saved.prior].title})", "books": saved.space.num_books,
                "codes": saved.space.num_codes, "grid": list(saved.grid), "classes": list(saved.class_names),
                "settings": str(saved.settings),
            }  # fmt: skip
        else:
            network = build_tokenizer(saved)
            side = saved.image_size // saved.autoencoder.factor
            own = {
                "kind": f"tokenizer ({saved.autoencoder.kind}, {saved.quantizer.kind})",
                "books": network.quantizer.num_books, "codes": network.quantizer.num_codes, "grid": [side, side],
                "image size": saved.image_size,
            }  # fmt: skip
        own["parameters"] = sum(parameter.numel() for parameter in network.parameters())
    return {**own, "tokens": saved.tokens[:16], **_origin(saved.origin)}


def _origin(origin: Origin) -> dict[str, Any]:
    teachers: Any = "unknown: a result that it was made from is gone"
    if origin.teachers is not None:
        teachers = [f"{t.name} in stage {t.stage}, {t.licence}, sha256 {t.sha256[:16]}" for t in origin.teachers]
    made = f", {origin.finished}" if origin.finished else ""
    commit = f", commit {origin.git[:12]}" if origin.git else ""
    return {"from": f"stage {origin.stage}, key {origin.key}{made}{commit}", "teachers": teachers}


def run(options: argparse.Namespace) -> None:
    """Prints the facts."""
    from smalti.folder import describe

    found = facts(describe(options.folder))
    if options.json:
        print(json.dumps(found, indent=1))
        return
    for name, value in found.items():
        lines = (value or ["none"]) if name == "teachers" and isinstance(value, list) else [value]
        text = f"{lines[0]:,}" if isinstance(lines[0], int) else str(lines[0])
        print(f"{name:12}{text}")
        for line in lines[1:]:
            print(f"{'':12}{line}")
