"""Reading for training: unreadable images are replaced and named."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests_support import write_images
from torch.utils.data import DataLoader

from configs.schema.sources import FlatFolder
from configs.schema.training import LoadingConfig
from datamodules.images import EvaluationImages, TrainingImages, to_unit_range
from datamodules.index import ImageIndex, IndexFacts, write_index
from datamodules.sources import scan
from smalti.error_line import error_line
from smalti.seeds import mix


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


def test_the_decoder_is_the_one_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (10, 14, 3), np.uint8).repeat(3, 0).repeat(3, 1)
    Image.fromarray(pixels).save(tmp_path / "image.jpg")
    monkeypatch.setattr(ImageIndex, "read", lambda self, index: (tmp_path / "image.jpg").read_bytes())
    index = small_index(tmp_path)
    found = []
    for loading in (LoadingConfig(crop="random", decoder="pillow"), LoadingConfig(crop="random", decoder="turbo")):
        images = TrainingImages(index, loading, seed=0)
        found.append(torch.stack([images[position]["images"].int() for position in range(6)]))
    assert found[0].shape == (6, 3, 16, 16) and 0 < (found[0] - found[1]).abs().max() <= 2


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


@pytest.mark.parametrize("workers", [0, 1])
def test_a_failing_storage_is_no_unreadable_image(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left out, an image of which NFS lost its handle would be missing from a result by chance."""
    index = small_index(tmp_path)
    opened = Path.open

    def stale(self: Path, *words: Any, **options: Any) -> Any:
        if self.name == "002.png":
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return opened(self, *words, **options)

    monkeypatch.setattr(Path, "open", stale)
    images = EvaluationImages(index)
    with pytest.raises(ValueError, match="Stale file handle") as found:
        list(DataLoader(images, 1, sampler=range(6), num_workers=workers))
    said = error_line(found.value)
    assert said.endswith("/002.png: Stale file handle; the storage fails, not the image: run the same command again")
    assert "Traceback" not in said and said.startswith(str(tmp_path))
    with pytest.raises(ValueError, match="Stale file handle"):
        [TrainingImages(index, LoadingConfig(), 0)[position] for position in range(8)]


def test_half_of_the_images_are_mirrored(tmp_path: Path) -> None:
    index = small_index(tmp_path)
    plain = TrainingImages(index, LoadingConfig(flip=False), seed=0)
    flipped = TrainingImages(index, LoadingConfig(flip=True), seed=0)
    mirrored = 0
    for position in range(400):
        here, there = plain[position]["images"], flipped[position]["images"]
        assert torch.equal(there, here) or torch.equal(there, here.flip(-1))
        mirrored += not torch.equal(there, here)
    assert 160 < mirrored < 240, "4 standard deviations around half of 400"


@pytest.mark.parametrize("crop", ["random", "random_resized"])
def test_augmentation_depends_on_the_position_alone(crop: Any, tmp_path: Path) -> None:
    index = small_index(tmp_path)
    loading = LoadingConfig(crop=crop, min_scale=0.5 if crop == "random_resized" else 1)
    first, second = (TrainingImages(index, loading, seed=1) for _ in range(2))
    _ = [first[p] for p in range(20)]
    assert torch.equal(first[13]["images"], second[13]["images"])


def index_of_one(folder: Path, pixels: np.ndarray, image_size: int) -> ImageIndex:
    """Returns the index of a data set whose one image is ``pixels`` (H, W, 3)."""
    (folder / "images").mkdir()
    file = folder / "images" / "one.png"
    Image.fromarray(pixels).save(file)
    facts = IndexFacts("files", image_size, [], 1, 0, "")
    records = np.array([(0, 0, file.stat().st_size)], dtype=np.int64)
    write_index(folder / "index", [file.name], records, np.full(1, -1), np.zeros(1, dtype=np.uint8), facts)
    return ImageIndex(folder / "index", folder / "images")


def draws(position: int) -> np.random.Generator:
    """Returns what a training with seed 7 draws at a position, as datamodules/images.py says."""
    return np.random.Generator(np.random.PCG64(mix(7, "augment", position)))


@pytest.mark.parametrize(
    ("width", "height", "resized"), [(100, 60, (53, 32)), (60, 100, (32, 53)), (200, 120, (53, 32))]
)
@pytest.mark.parametrize("position", range(4))
def test_random_crop_has_the_whole_shorter_side(
    width: int, height: int, resized: tuple[int, int], position: int, tmp_path: Path
) -> None:
    """Written out with Pillow: halved while twice too large, the shorter side bicubically to 32, then 32 of the longer
    side's 53 pixels from a drawn one on, mirrored for a drawn number below one half."""
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    images = TrainingImages(index_of_one(tmp_path, pixels, 32), LoadingConfig(crop="random"), seed=7)
    found = images[position]["images"].numpy().transpose(1, 2, 0)

    image = Image.fromarray(pixels)
    if min(width, height) >= 64:
        image = image.resize((width // 2, height // 2), Image.Resampling.BOX)
    whole = np.asarray(image.resize(resized, Image.Resampling.BICUBIC))
    random = draws(position)
    offset = int(random.integers(0, 22))
    expected = whole[:, offset : offset + 32] if width > height else whole[offset : offset + 32]
    if random.random() < 0.5:
        expected = expected[:, ::-1]
    np.testing.assert_array_equal(found, expected)
    assert len({int(draws(p).integers(0, 22)) for p in range(4)}) > 1, "the crops lie elsewhere"


def test_resized_crop_is_adms(tmp_path: Path) -> None:
    """The shorter side to a drawn length from 32 to 32 / 0.8 pixels, then a square from a drawn column and row on."""
    pixels = np.random.default_rng(4).integers(0, 256, (50, 90, 3), dtype=np.uint8)
    loading = LoadingConfig(crop="random_resized", min_scale=0.8, flip=False)
    images = TrainingImages(index_of_one(tmp_path, pixels, 32), loading, seed=7)
    lengths = set()
    for position in range(6):
        random = draws(position)
        length = int(random.integers(32, 41))
        whole = Image.fromarray(pixels).resize((round(90 * length / 50), length), Image.Resampling.BICUBIC)
        left, top = int(random.integers(0, whole.width - 31)), int(random.integers(0, length - 31))
        expected = np.asarray(whole)[top : top + 32, left : left + 32]
        np.testing.assert_array_equal(images[position]["images"].numpy().transpose(1, 2, 0), expected)
        lengths.add(length)
    assert len(lengths) > 2


@pytest.mark.parametrize("crop", ["centre", "random"])
def test_a_square_image_is_taken_whole(crop: Any, tmp_path: Path) -> None:
    """FFHQ's: what its released trainings see."""
    pixels = np.random.default_rng(5).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    images = TrainingImages(index_of_one(tmp_path, pixels, 32), LoadingConfig(crop=crop, flip=False), seed=7)
    expected = np.asarray(Image.fromarray(pixels).resize((32, 32), Image.Resampling.BICUBIC))
    for position in range(3):
        np.testing.assert_array_equal(images[position]["images"].numpy().transpose(1, 2, 0), expected)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"min_scale": 0.8}, "min_scale 0.8: crop centre has none; give crop random_resized with it"),
        ({"crop": "random", "min_scale": 0.8}, "min_scale 0.8: crop random has none"),
        ({"crop": "random_resized"}, "crop random_resized: give min_scale, a share below 1"),
    ],
)
def test_a_crop_and_its_scale_fit(keys: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        LoadingConfig(**keys)


def test_pixels_map_to_the_unit_range() -> None:
    batch = to_unit_range({"images": torch.tensor([0, 255], dtype=torch.uint8)})
    assert batch["images"].tolist() == [-1.0, 1.0]


def test_random_views_lie_anywhere_in_the_whole_image(tmp_path: Path) -> None:
    """Of a picture of 44 x 80 pixels at scale 1, so that a pixel tells where it stood; the same ones every time, those
    of fewer views first, and beyond the centred square of 44 pixels."""
    rows, columns = np.meshgrid(np.arange(44), np.arange(80), indexing="ij")
    index = index_of_one(tmp_path, np.stack([rows, columns, rows * 0], axis=-1).astype(np.uint8), 40)
    views = EvaluationImages(index, ("centre", *["random"] * 20), 1.1)[0]["images"]
    random = np.random.Generator(np.random.PCG64(mix("view", 0)))
    expected = [(int(random.integers(0, 41)), int(random.integers(0, 5)))[::-1] for _ in range(20)]
    assert [tuple(view[:2, 0, 0].tolist()) for view in views] == [(2, 20), *expected]
    assert torch.equal(EvaluationImages(index, ["random"] * 5, 1.1)[0]["images"], views[1:6])
    assert min(column for _, column in expected) < 18 and max(column for _, column in expected) > 22


def test_ten_crops_are_llamagens(tmp_path: Path) -> None:
    """Corners and centre of the centred square of int(1.1 x 40) = 44 pixels, of a picture that is 80 x 44."""
    rows, columns = np.meshgrid(np.arange(44), np.arange(80), indexing="ij")
    pixels = np.stack([rows, columns, rows * 0], axis=-1).astype(np.uint8)
    corners = ("centre", "top_left", "top_right", "bottom_left", "bottom_right")
    images = EvaluationImages(index_of_one(tmp_path, pixels, 40), corners, 1.1, flip=True)
    views = images[0]["images"]
    assert views.shape == (10, 3, 40, 40)
    offsets = [tuple(view[:2, 0, 0].tolist()) for view in views[::2]]
    assert offsets == [(2, 20), (0, 18), (0, 22), (4, 18), (4, 22)]  # row and column of each crop's first pixel
    assert torch.equal(views[1::2], views[::2].flip(-1))


def test_photographs_are_turned_where_the_index_says_so(tmp_path: Path) -> None:
    """Training and evaluation read by the index, which keeps the fact, and the bytes of indices without it stay."""
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    records, one = np.array([[0, 0, (tmp_path / "a.png").stat().st_size]]), np.zeros(1, dtype=np.int64)
    found = {}
    for upright in (False, True):
        facts = IndexFacts("files", 8, [], 1, 0, "listing", upright)
        folder = tmp_path / f"index-{upright}"
        write_index(folder, ["a.png"], records, one, one.astype(np.uint8), facts)
        assert ("upright" in (folder / "index.json").read_text()) == upright
        index = ImageIndex(folder, tmp_path)
        found[upright] = EvaluationImages(index)[0]["images"][0].numpy().transpose(1, 2, 0)
    assert np.array_equal(found[False], pixels) and np.array_equal(found[True], np.rot90(pixels, -1))
