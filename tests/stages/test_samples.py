"""Stage samples: images and the tokens behind them, whole together, whatever ends the run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import SMOKE, run_stage_here
from tests_support import with_inputs_of
from torch import Tensor

import stages.samples
from datamodules import shards
from lit_modules.samples import LitSamples
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti import Prior, Tokenizer
from smalti.artifact import Artifact
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.pixels import to_uint8
from smalti.samplers.draw import Drawn

CHANGES = ["num_samples=12", "batch_size=4", "rows_per_shard=5"]  # three batches, the second in two shards


@pytest.mark.parametrize("kind", PRIOR_KINDS)
def test_the_tokens_are_those_that_the_images_show(kind: str, smoke: dict[str, Artifact]) -> None:
    """Drawn again by the library, they are the same; decoded again, they give the images."""
    samples = smoke["samples"]
    tokens = np.load(samples.file(f"{kind}/tokens-00000.npy"))
    assert tokens.shape == (54, 64) and tokens.dtype == np.uint16
    assert samples.facts["arrays"]["tokens"] == {"shape": [64], "dtype": "uint16"}
    labels = torch.from_numpy(np.load(samples.file("labels.npy")))
    prior = Prior.load(smoke[f"{kind}_prior"].path, Tokenizer.load(smoke["tokenizer"].path))
    assert np.array_equal(prior.tokens(labels, seed=0).flatten(1).numpy(), tokens)

    images = np.load(samples.file(f"{kind}/images-00000.npy"))
    on_grid = torch.from_numpy(tokens.astype(np.int64)).unflatten(1, samples.facts["grid"])
    for number, stage in enumerate(["tokenizer", "decoder"]):
        decoded = to_uint8(Tokenizer.load(smoke[stage].path).decode(on_grid)).numpy()
        assert np.abs(decoded.astype(int) - images[:, number]).max() <= 1, "but for rounding"


def test_chosen_classes_are_drawn_in_turn(smoke: dict[str, Artifact], smoke_runs: Path, tmp_path: Path) -> None:
    runs = with_inputs_of(smoke_runs, "samples", tmp_path / "runs")
    words = [*CHANGES, "labels=[symbols, flags]"]
    run_stage_here("samples", SMOKE, runs, *words)
    [folder] = (runs / "artifacts" / "samples").glob("[!.]*")
    names = smoke["samples"].facts["class_names"]
    assert [names[label] for label in np.load(folder / "labels.npy")] == ["symbols", "flags"] * 6
    prior = Prior.load(smoke["ar_prior"].path, Tokenizer.load(smoke["tokenizer"].path))
    tokens = prior.tokens(prior.labels(["symbols", "flags"] * 6), seed=0).flatten(1).numpy()
    drawn = np.concatenate([np.load(path) for path in sorted((folder / "ar").glob("tokens-*.npy"))])
    assert np.array_equal(drawn, tokens)
    with pytest.raises(ValueError, match=r"samples\.labels: unknown class .flag.; did you mean .flags.\?"):
        run_stage_here("samples", SMOKE, runs, *CHANGES, "labels=[flag]")


class TwoBooks:
    """Tokenizer whose images show the first tokens of both books."""

    network: Any

    def __init__(self) -> None:
        self.network = self

    def decode_codes(self, codes: Tensor) -> Tensor:
        assert codes.shape[1:] == (2, 2, 3)
        return (codes[:, :, 0, 0].float() / 127.5 - 1).repeat_interleave(2, 1)[:, :3, None, None]


def test_tokens_of_several_books_are_kept_by_book_in_raster_order() -> None:
    """And in a type that holds them: 70,000 codes need 32 bits."""
    drawn = torch.tensor(
        [[[5, 1, 2, 3, 4, 69_999], [7, 6, 8, 9, 10, 11]], [[200, 0, 0, 0, 0, 0], [100, 0, 0, 0, 0, 1]]]
    )
    facts: dict[str, Any] = {"image_size": 1, "grid": [2, 3], "num_books": 2, "num_codes": 70_000}
    arrays = stages.samples.row_arrays(facts, num_decoders=1)
    decoder: Any = TwoBooks()
    unused: Any = None
    on_the_grid = drawn.unflatten(2, facts["grid"])
    module = LitSamples(
        unused, lambda labels, indices: Drawn(on_the_grid[indices], on_the_grid[indices]), [decoder], torch.uint32
    )
    batch = {"labels": torch.tensor([0, 0]), "index": torch.tensor([1, 0])}
    predicted = {name: value.numpy() for name, value in module.predict_step(batch, 0).items()}
    assert {name: (value.shape[1:], value.dtype.name) for name, value in predicted.items()} == {
        name: (array.shape, array.dtype) for name, array in arrays.items()
    }
    assert np.array_equal(predicted["tokens"], drawn[[1, 0]])
    assert predicted["images"][:, 0, :, 0, 0].tolist() == [[200, 200, 100], [5, 5, 7]]


@pytest.mark.parametrize("dies_at", [1, 3])  # at the first of all token shards, or in the middle of the second batch
def test_a_killed_run_goes_on_to_the_samples_of_a_calm_one(
    dies_at: int, smoke_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies when an image is on the disk and its tokens aren't."""
    calm, killed = (with_inputs_of(smoke_runs, "samples", tmp_path / how) for how in ("calm", "killed"))
    run_stage_here("samples", SMOKE, calm, *CHANGES)
    write, written = shards._write_rows, list[str]()

    def dying(path: Path, rows: np.ndarray, values: np.ndarray) -> None:
        written.append(path.name)
        if sum(name.startswith("tokens") for name in written) == dies_at:
            raise RuntimeError("killed")
        write(path, rows, values)

    with monkeypatch.context() as patch:
        patch.setattr(shards, "SYNC_EVERY", 0)
        patch.setattr(shards, "_write_rows", dying)
        with pytest.raises(RuntimeError, match="killed"):
            run_stage_here("samples", SMOKE, killed, *CHANGES)
    states = [np.load(path) for path in killed.glob("work/samples/*/*/state.npy")]
    assert [int(state.sum()) for state in states] == [0 if dies_at == 1 else 4]
    run_stage_here("samples", SMOKE, killed, *CHANGES)

    changes = [f"samples.{change}" for change in CHANGES]
    one, other = (Recipe(SMOKE, changes).status(Store(runs))["samples"].artifact for runs in (calm, killed))
    assert one and other and one.digest == other.digest
    assert sum("/tokens-" in name for name in other.manifest["files"]) == 5 * 3, "five priors, three shards each"
