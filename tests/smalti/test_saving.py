"""Saved folders: what is written comes back, and nothing that was changed on the way is believed."""

import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import PROJECT
from tests_support import Bomb

from pipeline.graph import Recipe
from smalti import Prior, Tokenizer
from smalti.artifact import sha256_of
from smalti.config.saved import Origin, SavedTokenizer, Teacher
from smalti.tensors import write_tensors
from smalti.tokenizer import build_tokenizer

ORIGIN = Origin(
    stage="tokenizer", key="k" * 16, digest="d" * 64,
    teachers=(Teacher(stage="codebook", name="Some Net", licence="MIT", sha256="5" * 64),),
)  # fmt: skip
Change = Callable[[dict[str, Any]], object]


def by_recipe(recipe: Path) -> Tokenizer:
    """The tokenizer of a recipe with fresh weights, as it is after publication."""
    config = Recipe(recipe).nodes["tokenizer"].config
    saved = SavedTokenizer(
        autoencoder=config.autoencoder, quantizer=config.quantizer, attention=config.attention, image_size=64,
        num_codes=getattr(config.quantizer, "num_codes", 32), tokens="d" * 64, origin=ORIGIN,
    )  # fmt: skip
    network = build_tokenizer(saved)
    for name, value in network.state_dict().items():
        if value.is_floating_point() and not value.any():  # tables, and layers that start at zero
            torch.nn.init.normal_(value, std=0.1)
        assert value.isfinite().all(), name
    return Tokenizer(network, saved)


@pytest.mark.parametrize("recipe", sorted((PROJECT / "configs" / "small").iterdir()), ids=lambda recipe: recipe.name)
def test_every_method_comes_back_bit_for_bit(recipe: Path, tmp_path: Path) -> None:
    """Every codebook and autoencoder of the small recipes: tokens and images by the saved weights."""
    tokenizer = by_recipe(recipe)
    tokenizer.save(tmp_path / "saved")
    again = Tokenizer.load(tmp_path / "saved")
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    tokens = tokenizer.encode(images)
    assert tokens.unique().numel() > 1
    assert again.encode(images).equal(tokens) and again.decode(tokens).equal(tokenizer.decode(tokens))
    assert (again.num_books, again.num_codes, again.grid) == (tokenizer.num_books, tokenizer.num_codes, tokenizer.grid)
    assert tokens.shape == (2, *([again.num_books] if again.num_books > 1 else []), *again.grid)


@pytest.mark.parametrize("stage", ["tokenizer", "decoder"])
def test_a_published_tokenizer_comes_back_bit_for_bit(published: dict[str, Path], stage: str, tmp_path: Path) -> None:
    tokenizer, images = Tokenizer.load(published[stage]), torch.rand(4, 3, 64, 64) * 2 - 1
    tokenizer.save(str(tmp_path / "new" / "folder"))
    names = sorted(file.name for file in (tmp_path / "new" / "folder").iterdir())
    assert names == ["README.md", "config.json", "model.safetensors"]
    again = Tokenizer.load(str(tmp_path / "new" / "folder"))
    tokens = tokenizer.encode(images)
    assert again.encode(images).equal(tokens) and again.decode(tokens).equal(tokenizer.decode(tokens))
    again.save(tmp_path / "copy")
    for name in names:
        assert (tmp_path / "copy" / name).read_bytes() == (tmp_path / "new" / "folder" / name).read_bytes()


@pytest.fixture
def saved(tokenizer: Tokenizer, tmp_path: Path) -> Path:
    """A saved tokenizer, to be changed."""
    tokenizer.save(tmp_path / "saved")
    return tmp_path / "saved"


@pytest.fixture
def saved_prior(prior: Prior, tmp_path: Path) -> Path:
    prior.save(tmp_path / "prior")
    return tmp_path / "prior"


def edit(folder: Path, change: Change) -> None:
    """Changes config.json."""
    data = json.loads((folder / "config.json").read_text())
    change(data)
    (folder / "config.json").write_text(json.dumps(data))


def test_nothing_is_written_over(tokenizer: Tokenizer, saved: Path, tmp_path: Path) -> None:
    before = {file.name: file.read_bytes() for file in saved.iterdir()}
    with pytest.raises(ValueError, match=r"config\.json exists; delete it, or name another folder"):
        tokenizer.save(saved)
    (saved / "config.json").unlink()
    with pytest.raises(ValueError, match=r"model\.safetensors exists"):
        tokenizer.save(saved)
    assert (saved / "model.safetensors").read_bytes() == before["model.safetensors"]
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    tokenizer.save(tmp_path / "notes")  # a folder with other things in it serves
    assert (tmp_path / "notes" / "mine.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_made(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ValueError, match=r"file.*: cannot be written \(.*\); name another folder"):
            tokenizer.save(folder)


def test_a_failed_save_leaves_nothing(tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *_: object, **__: object) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ValueError, match=r"cannot be written \(No space left on device\)"):
        tokenizer.save(tmp_path / "saved")
    monkeypatch.undo()
    assert not list((tmp_path / "saved").iterdir())
    tokenizer.save(tmp_path / "saved")


def test_each_class_loads_its_own_kind(saved: Path, saved_prior: Path, tokenizer: Tokenizer) -> None:
    with pytest.raises(
        ValueError, match=r"saved: holds a tokenizer, not a prior; load it with smalti\.Tokenizer\.load"
    ):
        Prior.load(saved, tokenizer)
    with pytest.raises(ValueError, match=r"prior: holds a prior, not a tokenizer; load it with smalti\.Prior\.load"):
        Tokenizer.load(saved_prior)


def test_one_flipped_bit_in_the_weights(saved: Path) -> None:
    file = saved / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r"model\.safetensors: damaged \(its sha256 isn't the one in config\.json\)"):
        Tokenizer.load(saved)
    file.unlink()
    with pytest.raises(ValueError, match=r"model\.safetensors: no such file; it belongs beside config\.json"):
        Tokenizer.load(saved)


def test_foreign_weights_under_their_own_sha256(saved: Path, saved_prior: Path, tmp_path: Path) -> None:
    """Whoever changes the weights can change config.json as well: names, shapes and format are checked, too."""
    file = saved / "model.safetensors"
    file.write_bytes((saved_prior / "model.safetensors").read_bytes())
    edit(saved, lambda data: data.update(sha256=sha256_of(file)))
    with pytest.raises(ValueError, match=r"model\.safetensors: \d+ tensors missing .* weights of another network"):
        Tokenizer.load(saved)
    file.write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    edit(saved, lambda data: data.update(sha256=sha256_of(file)))
    with pytest.raises(ValueError, match=r"model\.safetensors: not a readable safetensors file"):
        Tokenizer.load(saved)
    assert not (tmp_path / "ran").exists()


EDITS: list[tuple[Change, str]] = [
    (lambda data: data.update(colour="blue"), "unknown key 'colour'"),
    (lambda data: data["autoencoder"].update(width=3), "autoencoder: unknown key 'width'; did you mean 'widths'?"),
    (lambda data: data.pop("image_size"), "image_size: missing"),
    (lambda data: data.update(format=2), "format 2; this version of smalti reads format 1: take the version that"),
    (lambda data: data.update(format=2, colour="blue"), "format 2; this version"),
    (lambda data: data.pop("format"), "format None"),
    (lambda data: data.update(kind="sampler"), "kind 'sampler'; that of a saved network is 'tokenizer' or 'prior'"),
    (lambda data: data.pop("kind"), "kind None"),
    (lambda data: data.update(kind=["tokenizer"]), "kind ['tokenizer']"),
    (lambda data: data["quantizer"].update(kind="magic"), "quantizer.kind: unknown kind 'magic'"),
    (lambda data: data.update(image_size="64"), "image_size: '64' given, expected a whole number"),
    (lambda data: data.update(image_size=60), "image_size 60: a multiple of 8 is needed"),
    (lambda data: data.update(image_size=-64), "image_size"),
    (lambda data: data.update(image_size=float("nan")), "image_size: nan given"),
    (lambda data: data.update(num_codes=0), "num_codes"),
    (lambda data: data.update(num_codes=10**12), "quantizer.codebook has shape (64, 8), expected (1000000000000, 8)"),
    (lambda data: data.update(num_codes=10**30), "saved: no network can be built from what it says"),
    (lambda data: data["autoencoder"].update(latent_dim=10**9), "expected ("),
    (lambda data: data["autoencoder"].update(latent_dim=-8), "saved"),
    (lambda data: data["autoencoder"].update(norm_groups=0), "config.json"),
    (lambda data: data["autoencoder"].update(widths=[]), "saved"),
    (lambda data: data["autoencoder"].update(widths=None), "autoencoder.widths: None given, expected a list"),
    (lambda data: data["attention"].update(block_sizes=[4]), "block_sizes (4,): give one for each of the 4 levels"),
    (lambda data: data.update(attention=None), "unexpected ['decoder."),
    (lambda data: data.update(sha256="0" * 64), "model.safetensors: damaged"),
    (lambda data: data.update(sha256=None), "model.safetensors: damaged"),
    (lambda data: data["origin"].pop("stage"), "origin.stage: missing"),
]


@pytest.mark.parametrize(("change", "expected"), EDITS)
def test_an_edited_config(saved: Path, change: Change, expected: str) -> None:
    """One line that names the folder and what is wrong; no memory is asked for."""
    edit(saved, change)
    with pytest.raises(ValueError, match=re.escape(expected)) as refusal:
        Tokenizer.load(saved)
    assert str(saved) in str(refusal.value)


PRIOR_EDITS: list[tuple[Change, str]] = [
    (lambda data: data.update(prior="magic"), "unknown prior 'magic'; known: ar, nar"),
    (lambda data: data.update(prior=["ar"]), "prior: ['ar'] given, expected text"),
    (lambda data: data["network"].update(depth=1), "network: unknown key 'depth'"),
    (lambda data: data.update(network=3), "network: 3 given, expected"),
    (lambda data: data["settings"].update(depth=1), "settings: unknown key 'depth'"),
    (lambda data: data["settings"]["guidance"].update(scale="much"), "settings: guidance.scale: 'much' given"),
    (lambda data: data["network"]["transformer"].update(width=10**6), "expected ("),
    (lambda data: data["network"]["transformer"].update(width=10**10), "no network can be built from what it says"),
    (lambda data: data["network"]["transformer"].update(num_heads=0), "config.json"),
    (
        lambda data: data["network"]["transformer"].update(num_layers=0),
        "num_layers: 0 given, expected",
    ),
    (lambda data: data["space"].update(num_codes=0), "num_codes"),
    (lambda data: data["space"].update(num_books=2), "tensors missing"),
    (lambda data: data.update(grid=[8]), "grid [8]: two sides are needed"),
    (lambda data: data.update(grid=[-8, -8]), "grid"),
    (lambda data: data.update(grid=[64, 2]), "grid [64, 2]"),
    (lambda data: data.update(class_names=["cat"]), "class_names: 1 names, num_classes is 9"),
    (lambda data: data.update(label_dropout=1.5), "label_dropout"),
    (lambda data: data.update(tokens="0" * 64), "trained on the tokens of phase 1 0000000000000000"),
]


@pytest.mark.parametrize("prior", ["ar"], indirect=True)
@pytest.mark.parametrize(("change", "expected"), PRIOR_EDITS)
def test_an_edited_config_of_a_prior(saved_prior: Path, tokenizer: Tokenizer, change: Change, expected: str) -> None:
    edit(saved_prior, change)
    with pytest.raises(ValueError) as refusal:
        Prior.load(saved_prior, tokenizer)
    assert expected in str(refusal.value)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"kind": ' * 50_000], ids=lambda text: text[:9]
)
def test_a_config_that_is_no_config(saved: Path, text: bytes) -> None:
    (saved / "config.json").write_bytes(text)
    with pytest.raises(ValueError, match=r"config\.json: (cannot be read \(|kind missing)"):
        Tokenizer.load(saved)


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    network = torch.nn.Linear(2, 3)
    with torch.no_grad():
        network.weight[1, 1] = torch.inf
    with pytest.raises(ValueError, match=r"a\.safetensors: 1 of 6 numbers of weight aren't finite; nothing is written"):
        write_tensors(network.state_dict(), tmp_path / "a.safetensors")
    assert not (tmp_path / "a.safetensors").exists()
