"""The hub: from a folder to a repository and back, over HTTP to a server of this process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hub_support import Hub, running_hub
from huggingface_hub import constants
from released_vqgan import decoder_shapes, head_shapes, random_state, trunk_shapes

from smalti import Tokenizer
from smalti.formats import import_tokenizer
from smalti.hub import push


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub(tmp_path / "cache", monkeypatch) as found:
        yield found


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    """A small tokenizer, from a released file."""
    shapes = trunk_shapes("taming") | head_shapes(6) | decoder_shapes("taming", 6)
    torch.save(random_state(shapes | {"quantize.embedding.weight": (11, 6)}), tmp_path / "vqgan.pt")
    return import_tokenizer(tmp_path / "vqgan.pt", "taming-vqgan", {"image_size": 32})


def test_there_and_back(hub: Hub, tokenizer: Tokenizer, tmp_path: Path, run: Callable[..., str]) -> None:
    """Pushed and loaded by its name; a revision keeps the bytes of its time."""
    tokenizer.save(tmp_path / "saved")
    said = run("push", tmp_path / "saved", "me/vqgan")
    first = f"{1:040x}"
    assert said == f"me/vqgan: commit {first}\n"
    (files,) = hub.repositories["me/vqgan"]
    assert files == {file.name: file.read_bytes() for file in (tmp_path / "saved").iterdir()}
    images = torch.rand(1, 3, 32, 32) * 2 - 1
    assert Tokenizer.from_pretrained("me/vqgan").encode(images).equal(tokenizer.encode(images))
    tokenizer.network.quantizer.codebook.mul_(-1)
    tokenizer.save(tmp_path / "other")
    assert push(tmp_path / "other", "me/vqgan") == f"{2:040x}"
    now, then = (Tokenizer.from_pretrained("me/vqgan", revision=revision) for revision in (None, first))
    assert now.encode(images).equal(tokenizer.encode(images)) and not then.encode(images).equal(now.encode(images))
    assert Tokenizer.from_pretrained(tmp_path / "saved").encode(images).equal(then.encode(images))


def test_without_a_network(hub: Hub, tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was fetched is found again; what wasn't is named in one line."""
    tokenizer.save(tmp_path / "saved")
    push(tmp_path / "saved", "me/vqgan")
    Tokenizer.from_pretrained("me/vqgan")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert Tokenizer.from_pretrained("me/vqgan").num_codes == 11
    with pytest.raises(ValueError, match="me/other: no such folder, and the hub can't be reached, and it was"):
        Tokenizer.from_pretrained("me/other")
    with pytest.raises(ValueError, match="me/vqgan: the hub can't be reached"):
        push(tmp_path / "saved", "me/vqgan")


@pytest.mark.parametrize(
    ("name", "revision", "expected"),
    [
        ("me/nothing", None, "me/nothing: no such folder, and the hub has no such model, or not for you"),
        ("me/vqgan", "f" * 40, "me/vqgan: no such folder, and the hub's repository has no revision 'ffff"),
        ("vqgan", None, "vqgan: no such folder, and no OWNER/NAME of the hub"),
        (".", "main", "revision 'main': . is a folder, which has none; leave it out"),
    ],
)
def test_what_is_refused(
    name: str, revision: str | None, expected: str, hub: Hub, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    tokenizer.save(tmp_path / "saved")
    push(tmp_path / "saved", "me/vqgan")
    with pytest.raises(ValueError) as error:
        Tokenizer.from_pretrained(name, revision=revision)
    assert str(error.value).startswith(expected) and "\n" not in str(error.value)


def test_only_whole_folders_are_pushed(hub: Hub, tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "saved")
    (tmp_path / "saved" / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(ValueError, match=r"model\.safetensors: damaged"):
        push(tmp_path / "saved", "me/vqgan")
    with pytest.raises(ValueError, match="vqgan: OWNER/NAME is needed"):
        push(tmp_path / "saved", "vqgan")
    assert not hub.repositories
