"""Reading for training: unreadable images are replaced and named."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tests_support import write_images

from configs.schema.sources import FlatFolder
from configs.schema.training import LoadingConfig
from datamodules.images import EvaluationImages, TrainingImages, to_unit_range
from datamodules.index import ImageIndex, IndexFacts, write_index
from datamodules.sources import scan


def small_index(tmp_path: Path) -> ImageIndex:
    root = write_images(tmp_path / "images", {"a": 6}, size=16)
    (root / "a" / "003.png").write_bytes(b"broken")
    entries = scan(FlatFolder(root=str(root)), Path(), Path()).entries
    records = np.array([(i, 0, e.size) for i, e in enumerate(entries)], dtype=np.int64)
    facts = IndexFacts("files", 16, [], 6, 0, "")
    labels, splits = np.full(6, -1), np.zeros(6, dtype=np.uint8)
    write_index(tmp_path / "index", [e.file for e in entries], records, labels, splits, facts)
    return ImageIndex(tmp_path / "index", root)


def test_unreadable_image_is_replaced_by_the_next_of_its_permutation(tmp_path: Path) -> None:
    index = small_index(tmp_path)
    images = TrainingImages(index, LoadingConfig(flip=False), seed=0)
    broken = next(p for p in range(6) if images.permutations[p] == 3)
    replaced, following = images[broken], images[broken + 1]
    assert replaced["unreadable"].item() == 3 and following["unreadable"].item() == -1
    assert torch.equal(replaced["images"], following["images"])
    assert index.name(3) == "a/003.png"


def test_of_unreadable_images_in_a_row_each_is_named_at_its_own_position(tmp_path: Path) -> None:
    index = small_index(tmp_path)
    images = TrainingImages(index, LoadingConfig(), seed=0)
    first = next(p for p in range(5) if 3 in (images.permutations[p], images.permutations[p + 1]))
    pair = [images.permutations[first], images.permutations[first + 1]]
    for number in pair:
        (index.root / index.files[number]).write_bytes(b"broken")
    assert [images[p]["unreadable"].item() for p in (first, first + 1)] == pair


def test_unreadable_image_is_marked_in_evaluation(tmp_path: Path) -> None:
    images = EvaluationImages(small_index(tmp_path), flip=True)
    assert [bool(images[i]["readable"]) for i in range(6)] == [True, True, True, False, True, True]
    views = images[0]["images"]
    assert views.shape == (2, 3, 16, 16) and torch.equal(views[1], views[0].flip(-1))


def test_augmentation_depends_on_the_position_alone(tmp_path: Path) -> None:
    index = small_index(tmp_path)
    first, second = (TrainingImages(index, LoadingConfig(min_scale=0.5), seed=1) for _ in range(2))
    _ = [first[p] for p in range(20)]
    assert torch.equal(first[13]["images"], second[13]["images"])


def test_pixels_map_to_the_unit_range() -> None:
    batch = to_unit_range({"images": torch.tensor([0, 255], dtype=torch.uint8)})
    assert batch["images"].tolist() == [-1.0, 1.0]


def test_ten_crops_are_llamagens(tmp_path: Path) -> None:
    """Corners and centre of the centred square of int(1.1 x 40) = 44 pixels, of a picture that is 80 x 44."""
    rows, columns = np.meshgrid(np.arange(44), np.arange(80), indexing="ij")
    pixels = np.stack([rows, columns, rows * 0], axis=-1).astype(np.uint8)
    (tmp_path / "images").mkdir()
    Image.fromarray(pixels).save(tmp_path / "images" / "one.png")
    facts = IndexFacts("files", 40, [], 1, 0, "")
    records = np.array([(0, 0, (tmp_path / "images" / "one.png").stat().st_size)], dtype=np.int64)
    write_index(tmp_path / "index", ["one.png"], records, np.full(1, -1), np.zeros(1, dtype=np.uint8), facts)
    corners = ("centre", "top_left", "top_right", "bottom_left", "bottom_right")
    images = EvaluationImages(ImageIndex(tmp_path / "index", tmp_path / "images"), corners, 1.1, flip=True)
    views = images[0]["images"]
    assert views.shape == (10, 3, 40, 40)
    offsets = [tuple(view[:2, 0, 0].tolist()) for view in views[::2]]
    assert offsets == [(2, 20), (0, 18), (0, 22), (4, 18), (4, 22)]  # row and column of each crop's first pixel
    assert torch.equal(views[1::2], views[::2].flip(-1))
