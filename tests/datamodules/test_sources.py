"""One index over every kind of source: the same images come back."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import lmdb
import numpy as np
import pytest
from PIL import Image
from tests_support import write_images

from configs.schema.sources import (
    ClassFolders,
    EmbeddedSource,
    FlatFolder,
    ListFile,
    LsunLmdb,
    SourceConfig,
    WebDataset,
)
from datamodules.index import ImageIndex, IndexFacts, write_index
from datamodules.sources import scan, unpack_embedded
from datamodules.split import choose_images, split_by_group
from pipeline.listing import hash_listing
from smalti.images import decode


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images", {"cat": 3, "dog": 2}, size=16)


def pixels(index: ImageIndex) -> list[np.ndarray]:
    return [np.asarray(decode(index.read(i))) for i in range(len(index.labels))]


def opened(source: SourceConfig, folder: Path) -> tuple[ImageIndex, list[str | None]]:
    scanned = scan(source, Path("unused"), Path("unused"))
    files = list(dict.fromkeys(entry.file for entry in scanned.entries))
    records = np.array([(files.index(e.file), e.offset, e.size) for e in scanned.entries], dtype=np.int64)
    zeros = np.zeros(len(records), dtype=np.int64)
    facts = IndexFacts("lmdb" if scanned.storage == "lmdb" else "files", 16, [], len(records), 0, "")
    write_index(folder, files, records, zeros, zeros.astype(np.uint8), facts)
    return ImageIndex(folder, scanned.root), [entry.label for entry in scanned.entries]


def test_every_kind_reads_the_same_images(images: Path, tmp_path: Path) -> None:
    paths = sorted(images.rglob("*.png"))
    expected = [np.asarray(Image.open(path)) for path in paths]

    (tmp_path / "list.csv").write_text(
        "path,label\n" + "".join(f"{path.relative_to(images)},{path.parent.name}\n" for path in paths)
    )
    tar = tmp_path / "tars"
    tar.mkdir()
    for shard, part in enumerate((paths[:2], paths[2:])):
        with tarfile.open(tar / f"{shard:03d}.tar", "w") as archive:
            for number, path in enumerate(part):
                for suffix, data in (("png", path.read_bytes()), ("cls", path.parent.name.encode())):
                    member = tarfile.TarInfo(f"../{shard}{number}.{suffix}")  # a path that would climb out
                    member.size = len(data)
                    archive.addfile(member, io.BytesIO(data))
    with lmdb.open(str(tmp_path / "lmdb"), map_size=2**20) as environment, environment.begin(write=True) as write:
        for number, path in enumerate(paths):
            write.put(f"{number:04d}".encode(), path.read_bytes())

    labels = [path.parent.name for path in paths]
    sources: list[tuple[SourceConfig, bool]] = [
        (ClassFolders(root=str(images)), True),
        (FlatFolder(root=str(images)), False),
        (ListFile(root=str(images), list=str(tmp_path / "list.csv")), True),
        (WebDataset(root=str(tar)), True),
        (LsunLmdb(root=str(tmp_path / "lmdb")), False),
    ]
    for source, labelled in sources:
        index, found_labels = opened(source, tmp_path / source.kind)
        assert all(np.array_equal(a, b) for a, b in zip(pixels(index), expected, strict=True)), source.kind
        assert found_labels == (labels if labelled else [None] * 5), source.kind
    assert not (tmp_path / "00.png").exists(), "nothing is unpacked from a tar"


def test_split_is_seeded_and_keeps_groups_together() -> None:
    names = [f"{group:02d}-{i}.png" for group in range(40) for i in range(3)]
    val = split_by_group(names, 0.2, r"^(\d+)-", seed=0)
    assert val.sum() == 24
    assert all(len({int(val[3 * g + i]) for i in range(3)}) == 1 for g in range(40))
    order = np.random.default_rng(0).permutation(len(names))
    assert np.array_equal(split_by_group([names[i] for i in order], 0.2, r"^(\d+)-", seed=0), val[order])
    assert not np.array_equal(split_by_group(names, 0.2, r"^(\d+)-", seed=1), val)


def test_a_choice_keeps_the_shares_and_is_seeded() -> None:
    splits = np.array([0, 0, 0, 1] * 25, dtype=np.uint8)
    chosen = choose_images(splits, 20, seed=0)
    assert len(set(chosen.tolist())) == 20 and splits[chosen].sum() == 5
    assert np.array_equal(choose_images(splits, 20, seed=0), chosen)
    assert not np.array_equal(choose_images(splits, 20, seed=1), chosen)
    assert np.array_equal(choose_images(splits, 1000, seed=0), np.arange(100))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("(", "not a regular expression"), (r"\d+", "needs a group in parentheses"), ("^(x)", "doesn't match '0.png'")],
)
def test_wrong_grouping_rules_are_named(pattern: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        split_by_group(["0.png", "1.png"], 0.5, pattern, 0)


def test_containers_that_are_damaged_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"x" * 2000)
    with pytest.raises(ValueError, match=r"a\.tar: not a readable tar file .*fetch it again or take it out"):
        scan(WebDataset(root=str(tmp_path)), Path("unused"), Path("unused"))
    (tmp_path / "data.mdb").write_bytes(b"x" * 9000)
    with pytest.raises(ValueError, match=r"not a readable LMDB .*fetch it again"):
        scan(LsunLmdb(root=str(tmp_path)), Path("unused"), Path("unused"))


def write_tar(path: Path, names: list[str]) -> bytes:
    """Writes members of 600 bytes each; returns the whole file: 512 + 1,024 bytes a member, then zeros."""
    with tarfile.open(path, "w") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 600
            archive.addfile(member, io.BytesIO(b"x" * 600))
    return path.read_bytes()


def test_a_tar_that_ends_too_early_is_named(tmp_path: Path) -> None:
    """By itself tarfile takes a damaged header in mid-file for the end."""
    shard, source = tmp_path / "a.tar", WebDataset(root=str(tmp_path))
    whole = write_tar(shard, ["0.png", "1.png", "2.png"])
    second, end = 1536, 3 * 1536
    damaged = {
        "cut in a header": whole[: second + 100], "cut in an image": whole[: second + 700],
        "damaged header": whole[: second + 5] + b"?" + whole[second + 6 :], "two in one file": whole + whole,
    }  # fmt: skip
    for how, data in damaged.items():
        shard.write_bytes(data)
        with pytest.raises(ValueError, match=r"a\.tar: not a readable tar file .*fetch it again or take it out"):
            pytest.fail(f"{how}: {len(scan(source, Path(), Path()).entries)} images found")
    for data in (whole, whole[: end + 512], whole[:end]):
        shard.write_bytes(data)
        assert len(scan(source, Path(), Path()).entries) == 3


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["0.png", "0.cls", "1.png", "2.png"], r"a\.tar: 2 images have no label; give all or none"),
        (["0.jpg", "0.seg.png"], r"a\.tar: 0\.jpg and 0\.seg\.png are images of one sample; keep one of them"),
    ],
)
def test_what_a_tar_leaves_open_is_named(names: list[str], expected: str, tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", names)
    with pytest.raises(ValueError, match=expected):
        scan(WebDataset(root=str(tmp_path)), Path(), Path())


def test_a_text_that_belongs_to_no_image_is_no_label(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", ["readme.txt", "0.png", "1.png"])
    assert [entry.label for entry in scan(WebDataset(root=str(tmp_path)), Path(), Path()).entries] == [None, None]


def test_a_link_to_nothing_is_an_unreadable_image(images: Path, tmp_path: Path) -> None:
    (images / "cat" / "999.png").symlink_to(tmp_path / "nowhere.png")
    source = ClassFolders(root=str(images))
    assert len(hash_listing(source)) == 64
    index, labels = opened(source, tmp_path / "index")
    assert labels == ["cat"] * 4 + ["dog"] * 2
    with pytest.raises(OSError, match=r"999\.png"):
        index.read(3)


def test_of_two_that_unpack_at_once_the_later_takes_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, folder = tmp_path / "images.zip", tmp_path / "data"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("images/a.png", b"x")
    extract = zipfile.ZipFile.extractall

    def meanwhile(self: zipfile.ZipFile, path: Path) -> None:
        extract(self, path)
        extract(self, folder)

    monkeypatch.setattr(zipfile.ZipFile, "extractall", meanwhile)
    assert unpack_embedded(archive, folder) == folder / "images"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "images.zip"]
    assert (folder / "images" / "a.png").read_bytes() == b"x"


def test_some_classes_of_the_embedded_data(tmp_path: Path) -> None:
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("train/cat/a", "train/dog/b", "val/cat/c", "train/cow/d"):
            file.writestr(f"images/{name}.png", b"x")
    found = scan(EmbeddedSource(classes=("dog", "cat")), archive, tmp_path / "data")
    assert [entry.file for entry in found.entries] == ["train/cat/a.png", "train/dog/b.png", "val/cat/c.png"]
    assert found.class_names == ["cat", "dog"]
    assert len(scan(EmbeddedSource(), archive, tmp_path / "data").entries) == 4
    with pytest.raises(ValueError, match=r"source\.classes in data\.yaml: unknown class 'cats'; did you mean 'cat'"):
        scan(EmbeddedSource(classes=("cats",)), archive, tmp_path / "data")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"cat/000.png,cat,val\ncat/001.png,cat,\n", "1 lines have no split; give all or none"),
        (b"cat/000.png,\xff\n", "not a CSV file in UTF-8"),
        (b"cat/000.png," + b"x" * 200_000, "field larger than field limit"),
    ],
)
def test_a_list_that_is_half_filled_or_no_csv_is_named(
    text: bytes, expected: str, images: Path, tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_bytes(text)
    with pytest.raises(ValueError, match=rf"list\.csv: .*{expected}"):
        scan(ListFile(root=str(images), list=str(tmp_path / "list.csv")), Path(), Path())


def test_a_spreadsheets_mark_is_no_part_of_the_first_name(images: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,label\ncat/000.png,cat\n", encoding="utf-8-sig")
    found = scan(ListFile(root=str(images), list=str(tmp_path / "list.csv")), Path(), Path())
    assert [(entry.file, entry.label) for entry in found.entries] == [("cat/000.png", "cat")]


def test_an_lmdb_that_was_cut_off_is_named(tmp_path: Path) -> None:
    """Reading on past its end ends the process by a bus error."""
    with lmdb.open(str(tmp_path), map_size=2**24) as environment, environment.begin(write=True) as write:
        for number in range(100):
            write.put(f"{number}".encode(), os.urandom(20_000))
    whole = (tmp_path / "data.mdb").stat().st_size
    os.truncate(tmp_path / "data.mdb", whole // 2)
    with pytest.raises(ValueError, match=rf"data\.mdb: cut off \({whole // 2} of \d+ bytes\); fetch it again"):
        scan(LsunLmdb(root=str(tmp_path)), Path(), Path())


def pack(file: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(file, "w") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize("kind", ["tar", "list"])
def test_labels_that_are_numbers_keep_their_numbers(kind: str, tmp_path: Path) -> None:
    """In the order of text 10 would be class 2."""
    numbers = list(range(12))[::-1]
    if kind == "tar":
        pack(
            tmp_path / "a.tar", {f"{i}.{s}": b"x" if s == "png" else b"%d" % i for i in numbers for s in ("png", "cls")}
        )
        source: SourceConfig = WebDataset(root=str(tmp_path))
    else:
        (tmp_path / "list.csv").write_text("".join(f"{i}.png,{i}\n" for i in numbers))
        source = ListFile(root=str(tmp_path), list=str(tmp_path / "list.csv"))
    assert scan(source, Path(), Path()).class_names == [str(i) for i in range(12)]


def test_captions_are_no_classes(tmp_path: Path) -> None:
    """A .txt beside an image says what is on it; without .cls there are no labels, and a note says what is left out."""
    pack(tmp_path / "a.tar", {f"{i}.{s}": b"a photo of %d" % i for i in range(9) for s in ("png", "txt")})
    found = scan(WebDataset(root=str(tmp_path)), Path(), Path())
    assert found.class_names == [] and len(found.entries) == 9
    assert found.notes == ["9 captions (.txt) are left out; a class stands in a .cls file"]
    content = {f"{i}.{s}": b"%d" % (i % 2) for i in range(4) for s in ("png", "cls", "txt")}
    pack(tmp_path / "a.tar", content)
    found = scan(WebDataset(root=str(tmp_path)), Path(), Path())
    assert [entry.label for entry in found.entries] == ["0", "1", "0", "1"]


def test_what_a_killed_unpacking_left_is_swept_when_it_is_old(tmp_path: Path) -> None:
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("images/0.png", b"x")
    old, new = tmp_path / ".data.abc", tmp_path / ".data.def"
    for folder in (old, new):
        (folder / "unpacked").mkdir(parents=True)
    os.utime(old, (0, 0))
    unpack_embedded(archive, tmp_path / "data")
    assert not old.exists() and new.exists(), "the new one may be another process at work"
