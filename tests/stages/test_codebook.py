"""Stage codebook: what it refuses before it extracts a feature, and of which images it extracts them."""

from pathlib import Path

import numpy as np
import pytest
from conftest import SMOKE, run_stage_here
from tests_support import write_recipe

from configs.schema.codebook import CodebookConfig
from datamodules.index import ImageIndex
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.config.features import EfficientNetLiteConfig
from smalti.config.parsing import ConfigError
from stages.codebook import check_images, note_dropped


@pytest.mark.parametrize(
    ("balance", "num_codes", "expected"),
    [
        ("global", 81, "all images: codebook of 81 codes from 80 points"),
        ("class", 62, "class dog: codebook of 31 codes from 16 points"),
        ("class", 31, "31 codes don't divide by 2 labelled classes"),
    ],
)
def test_too_few_points_are_named(balance: str, num_codes: int, expected: str) -> None:
    """16 cats and 4 dogs of 4 patches each."""
    network = EfficientNetLiteConfig(kind="efficientnet_lite0")
    config = CodebookConfig(features=network, tap="block2", num_codes=num_codes, balance=balance)  # type: ignore[arg-type]
    labels = np.array([0] * 16 + [1] * 4)
    with pytest.raises(ValueError, match=expected):
        check_images(labels, 4, config, ["cat", "dog"])


def test_one_centre_is_no_codebook() -> None:
    """Whitened, it would be a zero divided by a deviation of zero."""
    with pytest.raises(ConfigError, match="num_codes: 1 given, expected a whole number of at least 2"):
        Recipe(SMOKE, ["codebook.num_codes=1"])


def test_missing_labels_are_named() -> None:
    network = EfficientNetLiteConfig(kind="efficientnet_lite0")
    config = CodebookConfig(features=network, tap="block2", num_codes=4, balance="class")
    with pytest.raises(ValueError, match="3 train images have no label; take balance global"):
        check_images(np.array([0, -1, -1, -1]), 4, config, ["cat"])
    check_images(np.array([0, 0]), 4, config, ["cat"])


def test_centres_of_other_images_are_deleted(tmp_path: Path) -> None:
    (tmp_path / "centres").mkdir()
    note_dropped(tmp_path, ["a.png"])
    note_dropped(tmp_path, ["a.png"])
    assert (tmp_path / "centres").exists()
    note_dropped(tmp_path, [])
    assert not (tmp_path / "centres").exists()


@pytest.mark.parametrize("balance", ["global", "class"])
def test_features_are_extracted_from_the_drawn_images_alone(
    balance: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """8 codes of 2 points each, 4 points an image: 4 of 32 images are needed, the same number of each class."""
    recipe, runs = write_recipe(tmp_path, {"cat": 20, "dog": 20}), tmp_path / "runs"
    run_stage_here("data", recipe, runs)
    read, names = ImageIndex.read, list[str]()
    monkeypatch.setattr(ImageIndex, "read", lambda self, index: (names.append(self.name(index)), read(self, index))[1])
    changes = ["num_codes=8", "pool=2", "points_per_centroid=2", f"balance={balance}", "runtime.num_workers=0"]
    run_stage_here("codebook", recipe, runs, *changes)
    codebook = Recipe(recipe, [f"codebook.{change}" for change in changes]).status(Store(runs))["codebook"].artifact
    assert codebook and codebook.facts["num_points"] == 16 and len(set(names)) == len(names) == 4
    assert balance == "global" or sorted(name[:3] for name in names) == ["cat", "cat", "dog", "dog"]
