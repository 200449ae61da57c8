"""``smalti generate``: PNG files of classes, as ``Prior.generate`` makes them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smalti import Prior
from smalti.commands.generate import class_of
from smalti.pixels import to_uint8

pytestmark = pytest.mark.parametrize("prior", ["nar"], indirect=True)


@pytest.fixture
def words(published: dict[str, Path], prior: Prior) -> list[object]:
    return ["generate", published[f"{prior.saved.prior}_prior"], "--tokenizer", published["decoder"]]


def read(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image).transpose(2, 0, 1)


def test_classes_by_name_and_number(prior: Prior, words: list[object], tmp_path: Path, run: Callable[..., str]) -> None:
    """N images of each class, the classes taking turns; images to the bit those of ``Prior.generate``."""
    changes = ["--seed", 7, "--guidance", 2.5, "--set", "steps=3", "--set", "schedule=arccos"]
    out = tmp_path / "new" / "out"
    said = run(*words, "--out", out, "--classes", "flags", "3", "--number", 2, "--batch-size", 3, *changes)
    assert said == f"{out}: 4 images\n"
    files = sorted(out.iterdir())
    assert [file.name for file in files] == [
        "000000-flags.png", "000001-food-drink.png", "000002-flags.png", "000003-food-drink.png"
    ]  # fmt: skip
    settings = {"steps": 3, "schedule": "arccos"}
    expected = prior.generate(["flags", 3, "flags", 3], seed=7, guidance=2.5, batch_size=3, **settings)
    assert np.array_equal(np.stack([read(file) for file in files]), to_uint8(expected).numpy())


def test_all_classes_by_default_are_the_stages_samples(
    prior: Prior, words: list[object], published: dict[str, Path], tmp_path: Path, run: Callable[..., str]
) -> None:
    """Six of each of nine classes at seed 0: the 54 samples that smoke published, in their order."""
    run(*words, "--out", tmp_path / "out", "--number", 6)
    shard = np.load(published["samples"] / prior.saved.prior / "images-00000.npy")
    found = np.stack([read(file) for file in sorted((tmp_path / "out").iterdir())])
    assert np.array_equal(found, shard[:, 1])


def test_an_npz_and_an_interruption(
    prior: Prior, words: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., str],
    refusal: Callable[..., str],
) -> None:  # fmt: skip
    """Stopped in the middle, resumed: to the bit what one go makes, PNG files and an npz alike."""
    drawn = Prior.tokens

    def stopped(self: Prior, labels: object, *, first: int = 0, **words: object) -> object:
        if first:
            raise ValueError("stopped here")
        return drawn(self, labels, first=first, **words)  # type: ignore[arg-type]

    asked = ["--classes", "flags", "--number", 5, "--batch-size", 2, "--set", "steps=2", "--seed", 3]
    run(*words, "--out", tmp_path / "whole", *asked)
    expected = np.stack([read(file) for file in sorted((tmp_path / "whole").iterdir())])
    for place in (tmp_path / "out", tmp_path / "out.npz"):
        with monkeypatch.context() as patch:
            patch.setattr(Prior, "tokens", stopped)
            assert refusal(*words, "--out", place, *asked) == "stopped here"
        assert run(*words, "--out", place, *asked, "--resume") == f"{place}: 5 images, 2 of them there before\n"
    assert np.array_equal(np.stack([read(file) for file in sorted((tmp_path / "out").iterdir())]), expected)
    with np.load(tmp_path / "out.npz") as arrays:
        assert np.array_equal(arrays["arr_0"].transpose(0, 3, 1, 2), expected)
        assert arrays["arr_1"].tolist() == prior.labels(["flags"] * 5).tolist()


def test_tokens_are_kept_and_decode_to_the_images(
    prior: Prior, words: list[object], published: dict[str, Path], tmp_path: Path, run: Callable[..., str]
) -> None:
    kept = tmp_path / "kept.npz"
    said = run(*words, "--out", tmp_path / "out", "--tokens", kept, "--number", 6, "--batch-size", 20)
    assert said == f"{tmp_path / 'out'}: 54 images; {kept}: their tokens\n"
    with np.load(kept) as arrays:
        tokens, names = arrays["tokens"], arrays["names"].tolist()
    shard = np.load(published["samples"] / prior.saved.prior / "tokens-00000.npy")
    assert np.array_equal(tokens.reshape(shard.shape), shard) and tokens.dtype == shard.dtype
    files = sorted((tmp_path / "out").iterdir())
    assert names == [file.name for file in files]
    run("decode", published["decoder"], kept, "--out", tmp_path / "again", "--batch-size", 20)
    assert all(np.array_equal(read(file), read(tmp_path / "again" / file.name)) for file in files)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["--tokens", "tokens.npy"], "--tokens tokens.npy: the name of a file that ends in .npz is needed"),
        (["--tokens", "tokens.npz", "--resume"], "--tokens tokens.npz: tokens are written at the end"),
        (["--classes", "flgs"], "unknown class 'flgs'; did you mean 'flags'?"),
        (["--classes", "9"], "class 9: the classes of this prior are 0 to 8"),
        (["--set", "steps"], "--set steps: expected NAME=VALUE"),
        (["--set", "step=3"], "--set: unknown setting 'step'; did you mean 'steps'?"),
        (["--set", "first=3"], "--set: unknown setting 'first'"),
        (["--set", "steps=many"], "settings: steps: 'many' given, expected a whole number"),
        (["--set", "guidance=3"], "--set guidance=3: use --guidance"),
        (["--set", "seed=3"], "--set seed=3: use --seed"),
        (["--guidance", "1", "2"], "guidance.scale [1.0, 2.0]: give one number, or one for each of 1 books"),
        (["--guidance", "nan"], "guidance.scale[0]: nan given"),
        (["--device", "cuda:99"], "--device cuda:99: cannot be used ("),
    ],
)
def test_what_is_refused(
    changes: list[str], expected: str, words: list[object], tmp_path: Path, refusal: Callable[..., str]
) -> None:
    assert expected in refusal(*words, "--out", tmp_path / "out", *changes)
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_over(words: list[object], tmp_path: Path, refusal: Callable[..., str]) -> None:
    (tmp_path / "000001-flags.png").write_text("mine")
    said = refusal(*words, "--out", tmp_path, "--classes", "flags", "--number", 2)
    assert said.endswith("000001-flags.png exists; delete it, or name another folder with --out")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["mine"]


def test_the_wrong_folders(
    published: dict[str, Path], words: list[object], tmp_path: Path, refusal: Callable[..., str]
) -> None:
    wrong = ["generate", published["decoder"], "--tokenizer", published["decoder"], "--out", tmp_path / "out"]
    assert refusal(*wrong).endswith("holds a tokenizer, not a prior; load it with smalti.Tokenizer.load")


def test_a_class_whose_name_is_a_number(prior: Prior) -> None:
    """As in MNIST's folders, sorted 0, 1, 10, 2: the name counts."""
    names = ["0", "1", "10", "2"]
    assert [class_of(text, names) for text in ("10", "2", "3")] == ["10", "2", 3]


def test_class_names_never_lead_out_of_the_folder(
    prior: Prior, words: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., str]
) -> None:
    names = ("../../evil", *prior.class_names[1:])
    monkeypatch.setattr(Prior, "class_names", property(lambda self: names))
    run(*words, "--out", tmp_path / "out", "--classes", "0", "--number", 1)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["000000-.._.._evil.png"]
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
