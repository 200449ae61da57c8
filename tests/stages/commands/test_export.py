"""``python -m pipeline export`` on published results."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SMOKE

from pipeline.commands import parse
from smalti import Prior, Tokenizer
from smalti.artifact import Artifact
from stages.commands.export import main


def test_everything_a_recipe_has_trained(smoke_runs: Path, smoke: dict[str, Artifact], tmp_path: Path) -> None:
    """The last decoder, and every prior with the settings that the recipe's samples were drawn by; each with a card."""
    words = ["export", str(SMOKE), "--runs", str(smoke_runs), "--to", str(tmp_path / "out")]
    assert main(parse(words)) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["ar", "dit", "ldm", "nar", "sit", "tokenizer"]
    tokenizer, images = Tokenizer.load(tmp_path / "out" / "tokenizer"), torch.rand(2, 3, 64, 64) * 2 - 1
    published = Tokenizer.load(smoke["decoder"].path)
    assert tokenizer.decode(tokenizer.encode(images)).equal(published.decode(published.encode(images)))
    prior = Prior.load(tmp_path / "out" / "ar", tokenizer)
    assert prior.settings == Prior.load(smoke["ar_prior"].path, published).settings
    card = (tmp_path / "out" / "ar" / "README.md").read_text()
    assert "licence of the images | Microsoft's Fluent emoji, MIT" in card and "| ar/phase2: fd_" in card
    assert (
        "efficientnet_lite0 | stage codebook; Apache-2.0" in card
        and f"`{smoke['ar_prior'].digest}`" in card
        and "library_name: smalti" in card
    )
    card = (tmp_path / "out" / "tokenizer" / "README.md").read_text()
    assert "| psnr | " in card and "phase 2, with attention" in card and "Settings of stage decoder" in card
    with pytest.raises(ValueError, match="exists; delete it, or name another folder"):
        main(parse(words))


@pytest.fixture
def expected(smoke: dict[str, Artifact]) -> dict[str, np.ndarray]:
    """Tokens of train, (M, V, N), as they were published."""
    files = sorted((smoke["token_shards"].path / "train").glob("tokens-*.npy"))
    labels = np.load(smoke["token_shards"].path / "train" / "labels.npy")
    return {"tokens": np.concatenate([np.load(file) for file in files]), "labels": labels}


@pytest.mark.parametrize("layout", ["npz", "webdataset", "llamagen"])
def test_tokens_for_others(
    layout: str, smoke_runs: Path, smoke: dict[str, Artifact], expected: dict[str, np.ndarray], tmp_path: Path
) -> None:
    words = ["export", str(SMOKE), "--runs", str(smoke_runs), "--to", str(tmp_path / "out"), "--tokens", layout]
    assert main(parse(words)) == 0
    folder = tmp_path / "out" / "tokens"
    if layout == "npz":
        with np.load(folder / "train.npz") as arrays:
            assert np.array_equal(arrays["tokens"], expected["tokens"])
            assert np.array_equal(arrays["labels"], expected["labels"])
            assert arrays["class_names"].tolist() == smoke["token_shards"].facts["class_names"]
        return
    if layout == "webdataset":
        with tarfile.open(folder / "train-000000.tar") as tar:
            names = tar.getnames()
            assert names[:4] == ["00000000.npy", "00000000.cls", "00000001.npy", "00000001.cls"]
            assert len(names) == 2 * len(expected["tokens"])
            last = f"{len(expected['tokens']) - 1:08d}"
            data, label = (tar.extractfile(f"{last}.{kind}") for kind in ("npy", "cls"))
            assert data and label
            assert np.array_equal(np.load(io.BytesIO(data.read())), expected["tokens"][-1])
            assert int(label.read()) == expected["labels"][-1]
        return
    codes, labels = (folder / f"imagenet64_{name}" for name in ("codes", "labels"))
    assert len(list(codes.iterdir())) == len(list(labels.iterdir())) == len(expected["tokens"])
    code, label = np.load(codes / "3.npy"), np.load(labels / "3.npy")
    assert code.dtype == np.int64 and np.array_equal(code, expected["tokens"][3][None])
    assert label.tolist() == [expected["labels"][3]]


def test_nothing_is_left_of_what_fails(tmp_path: Path) -> None:
    words = ["export", str(SMOKE), "--runs", str(tmp_path / "runs"), "--to", str(tmp_path / "new" / "out")]
    with pytest.raises(ValueError, match="decoder isn't published; run: python -m pipeline run"):
        main(parse(words))
    assert not list((tmp_path / "new").iterdir())
