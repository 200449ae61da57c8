"""docs/extending.md, followed to the letter: each section in a copy of the clone of its own.

A block of python or yaml is a new file, a block of diff adds lines to one; the last path in backticks before the block
names it. Lines of a diff that stand in the file already start with a space, new ones with +, and @@ parts two places.
Blocks of sh are run in the copy.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from conftest import PROJECT

from smalti.artifact import Artifact

PAGE = PROJECT / "docs" / "extending.md"
BLOCK = re.compile(r"^(?P<prose>.*?)^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
PATH = re.compile(r"`([\w/]+\.(?:py|yaml))`")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the path that the prose before it names last, "" for none."""

    language: str
    code: str
    path: str

    def places(self) -> list[tuple[str, str]]:
        """Returns what stands at each place of a diff, and what is to stand there."""
        found = []
        for place in self.code.split("@@\n"):
            lines = place.splitlines(keepends=True)
            assert all(line[0] in " +" for line in lines), f"{self.path}: {place}"
            found.append(("".join(line[1:] for line in lines if line[0] == " "), "".join(line[1:] for line in lines)))
        return found


def read_sections() -> dict[str, list[Block]]:
    """Returns the blocks of each section of the page, by its heading."""
    _, *parts = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    found = {}
    for part in parts:
        heading, _, text = part.partition("\n")
        found[heading] = [
            Block(match["language"], match["code"], (PATH.findall(match["prose"]) or [""])[-1])
            for match in BLOCK.finditer(text)
        ]
    return found


def copy_of_clone(folder: Path, smoke_runs: Path) -> Path:
    """Returns a copy of what git knows or would know here, with this Python as its .venv, and smoke's results in its
    folder runs, so that what a section doesn't change isn't built again."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listing, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, files.split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    for artifact in (smoke_runs / "artifacts").glob("*/*"):
        place = folder / "runs" / "artifacts" / artifact.parent.name / artifact.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(artifact)
    (folder / "runs" / "data").symlink_to(smoke_runs / "data")
    return folder


def follow(block: Block, clone: Path) -> None:
    """Does what a block of the page says."""
    file = clone / block.path
    if block.language == "sh":
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "SMALTI"))}
        command = ["bash", "-euc", block.code]
        done = subprocess.run(
            command, cwd=clone, env={**inherited, "PYTHONPATH": str(clone)}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{block.code}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    elif block.language == "diff":
        for old, new in block.places():
            text = file.read_text()
            assert text.count(f"\n{old}") == 1, f"{block.path}: these lines aren't there, or not once:\n{old}"
            file.write_text(text.replace(f"\n{old}", f"\n{new}"))
    else:
        assert block.language in ("python", "yaml") and not file.exists(), block.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.code)


def built(clone: Path) -> dict[str, Artifact]:
    """Returns what was built in the copy, by stage: one result each."""
    found = [path for path in (clone / "runs" / "artifacts").glob("*/*") if not path.is_symlink()]
    by_stage = {path.parent.name: Artifact(path) for path in found}
    assert len(by_stage) == len(found), found
    return by_stage


def check_codebook(found: dict[str, Artifact]) -> None:
    assert found.keys() == {"tokenizer"}
    assert found["tokenizer"].facts["num_codes"] == 81 and found["tokenizer"].config["quantizer"]["kind"] == "ternary"


def check_prior(found: dict[str, Artifact]) -> None:
    assert found.keys() == {"unigram_prior", "samples"}
    facts = found["unigram_prior"].facts
    assert facts["val_loss_nats"] < facts["val_unigram_entropy_nats"], "it learns"
    assert found["samples"].facts["priors"] == ["unigram"]
    images = np.load(found["samples"].file("unigram/images-00000.npy"))
    assert images.shape == (54, 1, 3, 64, 64) and len(np.unique(images.reshape(54, -1), axis=0)) > 1


def check_stage(found: dict[str, Artifact]) -> None:
    assert found.keys() == {"pixel_statistics"}
    facts = found["pixel_statistics"].facts
    assert all(0 < mean < 255 for mean in facts["mean"]) and all(0 < std < 128 for std in facts["std"])


def check_features(found: dict[str, Artifact]) -> None:
    assert found.keys() == {"codebook"}
    facts = found["codebook"].facts
    assert (facts["feature_network"], facts["tap"], facts["feature_dim"]) == ("random_filters", "patches", 32)


SECTIONS = read_sections()
CHECKS: dict[str, Callable[[dict[str, Artifact]], None]] = {
    "A codebook": check_codebook,
    "A prior": check_prior,
    "A stage": check_stage,
    "A feature network": check_features,
}


def test_every_section_is_followed() -> None:
    assert SECTIONS.keys() == CHECKS.keys()
    assert "```" not in BLOCK.sub("", PAGE.read_text()), "a block without a language"


@pytest.mark.parametrize("heading", CHECKS)
def test_a_section_is_new_files_and_one_entry(heading: str) -> None:
    """Not counting an example among the tests."""
    changed = [block.path for block in SECTIONS[heading] if block.language == "diff"]
    assert len([path for path in changed if not path.startswith("tests/")]) == 1, changed
    assert all((PROJECT / path).is_file() for path in changed)


@pytest.mark.parametrize("heading", CHECKS)
def test_section_works_as_it_stands(heading: str, smoke_runs: Path, tmp_path: Path) -> None:
    """What it makes is lint-free, passes the tests that it names, and changes the key of nothing else."""
    clone = copy_of_clone(tmp_path / "clone", smoke_runs)
    for block in SECTIONS[heading]:
        follow(block, clone)
    files = sorted({block.path for block in SECTIONS[heading] if block.path.endswith(".py") and block.language != "sh"})
    for words in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *words, "--no-cache", *files]
        checked = subprocess.run(ruff, cwd=clone, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    CHECKS[heading](built(clone))
