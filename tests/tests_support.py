"""Small data sets, recipes and results on disk, for tests."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.models import get_model

from smalti.artifact import seal
from smalti.config.features import InceptionConfig
from smalti.features.inception import Inception

# How a command is run without root's right to write everywhere; None where that can't be given up.
AS_ANYBODY: list[str] | None = [] if os.geteuid() else ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
if AS_ANYBODY and (not shutil.which("setpriv") or subprocess.run([*AS_ANYBODY, "true"], check=False).returncode):
    AS_ANYBODY = None

SMOKE = Path(__file__).resolve().parent.parent / "configs" / "smoke"


def write_images(root: Path, classes: dict[str, int], size: int = 64) -> Path:
    """Writes ``classes[name]`` noisy PNGs below ``root/name``; returns root."""
    random = np.random.default_rng(0)
    for name, number in classes.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(number):
            pixels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8).repeat(size // 8, 0).repeat(size // 8, 1)
            Image.fromarray(pixels).save(root / name / f"{i:03d}.png")
    return root


def write_first_stages(folder: Path) -> Path:
    """Writes a recipe of configs/smoke up to a prior: the same results in a third of the time; returns its folder."""
    folder.mkdir()
    (folder / "pipeline.yaml").write_text(
        f"base: {SMOKE}\n"
        "stages:\n"
        "  data:\n"
        "  codebook: {data: data}\n"
        "  tokenizer: {data: data, codebook: codebook}\n"
        "  token_shards: {data: data, tokenizer: tokenizer}\n"
        "  ar_prior: {token_shards: token_shards, tokenizer: tokenizer}\n"
    )
    return folder


def write_inception(file: Path) -> str:
    """Writes an Inception of random weights in torch-fidelity's format; returns the file's path."""
    torch.manual_seed(0)
    torch.save(Inception.bare(InceptionConfig()).state_dict(), file)
    return str(file)


def write_torchvision(file: Path, name: str) -> str:
    """Writes a network in torchvision's format: random convolutions, a classifier that takes no room; returns the
    file's path."""
    with torch.device("meta"):
        shapes = {key: value.shape for key, value in get_model(name, weights=None).state_dict().items()}
    torch.manual_seed(0)
    state = {
        name: torch.randn(shape) * 0.05 if name.startswith("features") else torch.full((1,), 1e-4).expand(shape)
        for name, shape in shapes.items()
    }
    torch.save(state, file)
    return str(file)


def write_vgg(file: Path) -> str:
    """Writes torchvision's VGG16 of random weights; returns the file's path."""
    return write_torchvision(file, "vgg16")


def write_recipe(folder: Path, classes: dict[str, int]) -> Path:
    """Writes images and a copy of configs/smoke over them; returns the recipe's folder."""
    write_images(folder / "images", classes)
    recipe = folder / "recipe"
    recipe.mkdir()
    for file in SMOKE.glob("*.yaml"):
        (recipe / file.name).write_text(file.read_text())
    (recipe / "data.yaml").write_text(
        "source: {kind: class_folders, root: ../images}\nimage_size: 64\nval_fraction: 0.2\n"
    )
    return recipe


def with_inputs_of(smoke_runs: Path, stage: str, runs: Path) -> Path:
    """Returns ``runs``, which holds the published results of every other stage of configs/smoke."""
    (runs / "artifacts").mkdir(parents=True)
    for other in (smoke_runs / "artifacts").iterdir():
        if other.name != stage:
            (runs / "artifacts" / other.name).symlink_to(other)
    (runs / "data").symlink_to(smoke_runs / "data")
    return runs


class Bomb:
    """Hostile: unpickling it creates ``file``, a folder."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.file),)


def say_otherwise(manifest: Path, old: str, new: str) -> None:
    """Writes ``new`` for ``old`` into a manifest and seals it, as if it had been published so."""
    said = json.loads(manifest.read_text().replace(old, new))
    manifest.chmod(0o644)
    manifest.write_text(json.dumps({**said, "seal": seal(said)}))
