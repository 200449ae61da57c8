"""Whatever stands in a file that the program reads: it is read, or refused in one line that names the file."""

import io
import json
import shutil
import struct
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import SMOKE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from configs.schema.sources import ListFile, WebDataset
from datamodules.arrays import read_array
from datamodules.sources import scan
from pipeline.config import read_yaml
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact, seal
from smalti.published import describe_artifact
from smalti.tensors import read_tensors

# The same inputs at every run; ten seconds and a gigabyte are far above what any of them should take.
written = settings(max_examples=150, deadline=10_000, derandomize=True, database=None,
                   suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])  # fmt: skip

NUMBERS = st.one_of(
    st.integers(-3, 3), st.just(10**12), st.just(-(10**400)), st.floats(), st.just(1e300), st.booleans(), st.none()
)
TEXTS = st.one_of(st.text(max_size=6), st.sampled_from(["embedded", "../x", "tokenizer", "1e-4", "\n", "a" * 10_000]))
VALUES = st.recursive(
    st.one_of(NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


@contextmanager
def one_line(file: Path) -> Iterator[None]:
    """Lets an error pass that says in one line of moderate length what is wrong with ``file``; any other fails."""
    try:
        yield
    except ValueError as error:
        text = str(error)
        assert file.name in text or str(file.parent) in text, text
        assert len(" ".join(text.split())) < 1500, text[:2000]


def places(document: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in nested lists and mappings."""
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [at, *(place for key, value in items for place in places(value, (*at, key)))]


def changed(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    """The document with another value at a place; None stands for taking it out of its mapping."""
    if not place:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    if len(place) == 1 and value is None and isinstance(copy, dict):
        del copy[place[0]]
    else:
        copy[place[0]] = changed(document[place[0]], place[1:], value)
    return copy


@written
@given(st.data())
def test_a_recipe(tmp_path: Path, data: st.DataObject) -> None:
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    for file in SMOKE.glob("*.yaml"):
        shutil.copy(file, folder)
    file = folder / data.draw(st.sampled_from(sorted(path.name for path in SMOKE.glob("*.yaml"))))
    document = yaml.safe_load(file.read_text())
    place = data.draw(st.sampled_from(places(document)))
    file.write_text(yaml.safe_dump(changed(document, place, data.draw(VALUES)), allow_unicode=True), encoding="utf-8")
    with one_line(file):
        Recipe(folder).status(Store(folder / "runs"))


@written
@given(st.one_of(st.binary(max_size=200), st.text("{}[]&*:!-'\"ab1\n ", max_size=80).map(str.encode)))
def test_a_yaml_file(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    with one_line(file):
        read_yaml(file)


@written
@given(st.data())
def test_a_manifest(tmp_path: Path, smoke: dict[str, Artifact], data: st.DataObject) -> None:
    """Sealed, as somebody who means harm would."""
    artifact = smoke[data.draw(st.sampled_from(["tokenizer", "decoder", "ar_prior", "dit_prior", "token_shards"]))]
    document = artifact.manifest
    place = data.draw(st.sampled_from([place for place in places(document) if place not in ((), ("schema",))]))
    said = json.loads(json.dumps(changed(document, place, data.draw(VALUES))))
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(said | {"seal": seal(said)} if isinstance(said, dict) else said))
    with one_line(file):
        copy = Artifact(tmp_path)
        copy.check_sizes()
    with one_line(file):
        copy = Artifact(tmp_path)
        if copy.stage in ("tokenizer", "decoder", "ar_prior", "dit_prior"):
            describe_artifact(copy)


@written
@given(
    st.one_of(
        st.binary(max_size=100), st.recursive(st.just(b"1"), lambda inner: inner.map(lambda b: b"[" + b), max_leaves=1)
    )
)
def test_a_manifest_of_any_bytes(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "manifest.json"
    file.write_bytes(content)
    with one_line(file):
        _ = Artifact(tmp_path).manifest


SIZES = st.integers(-2, 2**62)


def npy(header: str, body: bytes) -> bytes:
    text = header.encode("latin1", errors="replace")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


@written
@given(
    st.one_of(
        st.binary(max_size=120),
        st.builds(
            npy,
            st.builds(
                "{{'descr': {!r}, 'fortran_order': {}, 'shape': {}}}\n".format,
                st.sampled_from(["<f4", "<u2", "|O", "<M8[s]", "x", "<f999999999"]),
                st.sampled_from([True, False, 3]),
                st.one_of(
                    st.tuples(st.integers(-2, 2**62), st.integers(-2, 2**62)), st.sampled_from(["()", "(1,)", "x"])
                ),
            ),
            st.binary(max_size=64),
        ),
    )
)
def test_an_array(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.npy"
    file.write_bytes(content)
    for mode in (None, "r"):
        with one_line(file):
            read_array(file, mode)  # type: ignore[arg-type]


TENSOR = st.fixed_dictionaries(
    {
        "dtype": st.one_of(st.sampled_from(["F32", "F64", "BOOL", "X"]), VALUES),
        "shape": st.one_of(st.lists(st.integers(-1, 2**62), max_size=3), VALUES),
        "data_offsets": st.one_of(st.lists(st.integers(-1, 2**62), max_size=3), VALUES),
    }
)


@written
@given(st.one_of(TENSOR, VALUES), st.one_of(st.none(), st.integers(0, 2**64 - 1)), st.binary(max_size=32))
def test_weights(tmp_path: Path, entry: Any, length: int | None, body: bytes) -> None:
    file, header = tmp_path / "x.safetensors", json.dumps({"weight": entry}).encode()
    file.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + body)
    for leave_out in (None, "encoder."):
        with one_line(file):
            read_tensors(file, leave_out)


@written
@given(st.one_of(st.binary(max_size=200), st.text('a.png,"\n\r\t\ufeffval train\x00', max_size=100).map(str.encode)))
def test_a_list_of_images(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(content)
    with one_line(file):
        scan(ListFile(root=str(tmp_path), list=str(file)), Path(), Path())


def two_samples() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in (("0.png", b"x" * 600), ("0.cls", b"3"), ("1.png", b"y" * 600), ("1.cls", b"4")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@written
@given(st.lists(st.tuples(st.integers(0, 5000), st.binary(min_size=1, max_size=12)), min_size=1, max_size=3))
def test_a_tar(tmp_path: Path, edits: list[tuple[int, bytes]]) -> None:
    content = bytearray(two_samples())
    for at, new in edits:
        content[at : at + len(new)] = new
    file = tmp_path / "a.tar"
    file.write_bytes(content)
    with one_line(file):
        scan(WebDataset(root=str(tmp_path)), Path(), Path())


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"a":' * 100_000])
def test_a_manifest_that_is_deep(deep: bytes, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(deep)
    with pytest.raises(ValueError, match=r"manifest\.json: not a readable manifest"):
        _ = Artifact(tmp_path).manifest


def test_the_checks_notice(tmp_path: Path) -> None:
    """A KeyError passes as little as an error without the file's name, or one that fills the screen."""
    file = tmp_path / "odd.bin"
    errors = [KeyError("x"), ValueError("invalid"), ValueError(f"{file}: {'y' * 2000}")]
    for error in errors:
        with pytest.raises((KeyError, AssertionError)), one_line(file):
            raise error
