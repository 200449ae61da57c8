"""A data set of the hub, over HTTP from a server of this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_support import Hub, running_hub
from huggingface_hub import constants
from parquet_support import pairs, read, write

from configs.schema.sources import HubDataset
from datamodules.sources import scan
from pipeline.listing import hash_listing

NONE = Path("no archive")
FIRST = f"{1:040x}"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """One data set of two configurations, whose second commit has another picture."""
    folder = tmp_path / "written"
    write(folder / "fine/train-00000-of-00001.parquet", pairs(10, 20), [1, 0], ["cat", "dog"])
    write(folder / "fine/validation-00000-of-00001.parquet", pairs(30), [1], ["cat", "dog"])
    write(folder / "coarse/train-00000-of-00001.parquet", pairs(40, 50, 60), [0, 0, 0], ["pet"])
    files = {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*.parquet"))}
    write(folder / "fine/validation-00000-of-00001.parquet", pairs(70), [0], ["cat", "dog"])
    changed = (folder / "fine/validation-00000-of-00001.parquet").read_bytes()
    with running_hub(tmp_path / "cache", monkeypatch) as found:
        readme = {"README.md": b"Pets"}
        found.repositories["me/pets"] = [files | readme, files | {"fine/validation-00000-of-00001.parquet": changed}]
        yield found


def test_a_configuration_at_a_commit(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit's files by their pattern, though the cache holds others; unpacked, they need no network."""
    scan(HubDataset(name="me/pets", revision=FIRST, files="coarse/*"), NONE, tmp_path / "coarse")
    source = HubDataset(name="me/pets", revision=FIRST, files="fine/*.parquet")
    found = scan(source, NONE, tmp_path / "fine")
    assert [(e.label, e.split) for e in found.entries] == [("dog", "train"), ("cat", "train"), ("dog", "val")]
    assert [read(found, number) for number in range(3)] == [10, 20, 30]
    assert not list((tmp_path / "cache").rglob("README.md")), "fetched what nobody asked for"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert scan(source, NONE, tmp_path / "fine").entries == found.entries
    assert read(scan(source, NONE, tmp_path / "again"), 2) == 30, "the cache isn't used"
    other = HubDataset(name="me/pets", revision=f"{2:040x}", files="fine/*.parquet")
    with pytest.raises(ValueError, match=r"^data set me/pets of the hub: the hub can't be reached, and it was"):
        scan(other, NONE, tmp_path / "other")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert read(scan(other, NONE, tmp_path / "other"), 2) == 70


def test_the_key_goes_by_name_and_commit(hub: Hub) -> None:
    """No network is asked, so plan works on a node without one."""
    hub.repositories.clear()
    sources = [HubDataset(name=name, revision=FIRST) for name in ("me/pets", "me/cars", "me/pets")]
    first, second, third = map(hash_listing, sources)
    assert first == third != second


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "me/nothing"}, "data set me/nothing of the hub: the hub has no such dataset, or not for you"),
        ({"revision": "f" * 40}, "data set me/pets of the hub: the hub's repository has no revision 'ffff"),
        ({"files": "*.tar"}, "data set me/pets of the hub: no files *.tar; set source.files in data.yaml"),
        ({"revision": "main"}, "source.revision 'main': no commit of 40 hexadecimal digits"),
        ({"name": "pets"}, "source.name 'pets': OWNER/NAME is needed"),
    ],
)
def test_what_is_refused(changes: dict[str, str], expected: str, hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as error:
        scan(HubDataset(**({"name": "me/pets", "revision": FIRST} | changes)), NONE, tmp_path / "u")
    assert str(error.value).startswith(expected) and "\n" not in str(error.value)
    assert not (tmp_path / "u").exists()
