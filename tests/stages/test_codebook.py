"""What the codebook stage refuses before it extracts a feature."""

from pathlib import Path

import numpy as np
import pytest

from configs.architecture import EfficientNetLiteConfig
from configs.stages import CodebookConfig
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


def test_labels_that_are_absent_are_named() -> None:
    network = EfficientNetLiteConfig(kind="efficientnet_lite0")
    config = CodebookConfig(features=network, tap="block2", num_codes=4, balance="class")
    with pytest.raises(ValueError, match="3 train images have no label; take balance global"):
        check_images(np.array([0, -1, -1, -1]), 4, config, ["cat"])
    check_images(np.array([0, 0]), 4, config, ["cat"])


def test_centres_of_other_images_are_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "centres").mkdir()
    note_dropped(tmp_path, ["a.png"])
    note_dropped(tmp_path, ["a.png"])
    assert (tmp_path / "centres").exists()
    note_dropped(tmp_path, [])
    assert not (tmp_path / "centres").exists()
