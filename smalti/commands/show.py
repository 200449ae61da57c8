"""``smalti show``: what a folder holds."""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from smalti.config.parsing import plain
from smalti.config.saved import SavedPrior, SavedTokenizer

TEXT = "says what a folder holds: kind, parameters, codes, grid, teachers and their licences, where it came from"
NAMES = 10  # classes that are listed by name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="folder of a published or saved tokenizer or prior")
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")


def facts(saved: SavedTokenizer | SavedPrior) -> dict[str, Any]:
    """Returns what is worth knowing of a folder, by name, as JSON values; ``teachers`` None if nobody can tell, and
    absent for an imported file."""
    from smalti.building import build_outline
    from smalti.config.prior_kinds import PRIOR_KINDS
    from smalti.tokenizer import build_tokenizer

    network: Any
    if isinstance(saved, SavedPrior):
        kind = PRIOR_KINDS[saved.prior]
        network = build_outline(lambda: kind.build(saved.network, saved.space))
        own = {
            "kind": f"prior ({kind.title})", "books": saved.space.num_books, "codes": saved.space.num_codes,
            "grid": list(saved.grid), "classes": list(saved.class_names), "settings": plain(saved.settings),
        }  # fmt: skip
    else:
        network = build_outline(lambda: build_tokenizer(saved))
        side = saved.image_size // saved.autoencoder.factor
        own = {
            "kind": f"tokenizer ({saved.autoencoder.kind}, {saved.quantizer.kind})",
            "books": network.quantizer.num_books, "codes": network.quantizer.num_codes, "grid": [side, side],
            "image_size": saved.image_size,
        }  # fmt: skip
    origin = plain(saved.origin)
    teachers = origin.pop("teachers")
    return {
        **own, "parameters": sum(parameter.numel() for parameter in network.parameters()), "tokens": saved.tokens,
        **({} if saved.origin.imported else {"teachers": teachers}), "from": origin,
    }  # fmt: skip


def lines(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields (name, text) for each line that a person reads; the name is empty where the line above goes on."""
    for name, value in found.items():
        texts = TEXTS[name](value) if name in TEXTS else [f"{value:,}" if isinstance(value, int) else value]
        for number, text in enumerate(texts):
            yield "" if number else name.replace("_", " "), text


def class_lines(names: list[str]) -> list[str]:
    """Returns the number of classes and the first of their names."""
    rest = ", ..." if len(names) > NAMES else ""
    return [f"{len(names)}: {', '.join(names[:NAMES])}{rest}" if names else "none"]


def setting_lines(settings: dict[str, Any]) -> list[str]:
    """Returns the settings as --set takes them; those of guidance on a line of their own."""
    own = {name: value for name, value in settings.items() if name != "guidance"}
    return [assignments(own), f"guidance: {assignments(settings['guidance'])}"]


def assignments(values: dict[str, Any]) -> str:
    """Returns NAME=VALUE texts, values as JSON or as plain text.

    >>> assignments({"top_k": 0, "top_k_share": None, "schedule": "cosine"})
    'top_k=0, top_k_share=null, schedule=cosine'
    """
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    return ", ".join(f"{name}={text}" for name, text in texts.items())


def teacher_lines(teachers: list[dict[str, str]] | None) -> list[str]:
    """Returns one line a pretrained network."""
    if teachers is None:
        return ["unknown: a result that it was made from is gone"]
    found = [f"{t['name']} in stage {t['stage']}, {t['licence']}, sha256 {t['sha256'][:16]}" for t in teachers]
    return found or ["none"]


def origin_line(origin: dict[str, str | None]) -> list[str]:
    """Returns stage, key, time and commit, or the released file."""
    if origin["imported"]:
        return [f"imported from {origin['imported']}, sha256 {(origin['digest'] or '')[:16]}"]
    when = f", {origin['finished']}" if origin["finished"] else ""
    commit = f", commit {origin['git'][:12]}" if origin["git"] else ""
    return [f"stage {origin['stage']}, key {origin['key']}{when}{commit}"]


TEXTS: dict[str, Callable[[Any], list[str]]] = {
    "grid": lambda grid: [f"{grid[0]} x {grid[1]}"],
    "classes": class_lines,
    "settings": setting_lines,
    "tokens": lambda digest: [f"of phase 1 {digest[:16]}"],
    "teachers": teacher_lines,
    "from": origin_line,
}


def run(options: argparse.Namespace) -> None:
    """Prints the facts."""
    from smalti.folder import describe

    found = facts(describe(options.folder))
    if options.json:
        print(json.dumps(found, indent=1))
        return
    for name, text in lines(found):
        print(f"{name:12}{text}")
