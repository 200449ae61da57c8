"""Which real images samples are compared with, and which teach the class judge."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import SMOKE, run_stage_here
from tests_support import with_inputs_of
from torch import nn

from configs.schema.scores import ScoresConfig
from datamodules.index import ImageIndex
from lit_modules.scores import LitFeatureScores
from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact
from smalti.config.features import InceptionConfig
from stages.results.generation_images import RealImages, classifier_members, manifold_members, reference_members
from stages.results.published import open_index

VAL = [1, 4, 5]


def index_of(class_names: list[str]) -> Any:
    """Returns an index of ten images, three of them in val."""
    index: Any = SimpleNamespace(splits=np.isin(np.arange(10), VAL).astype(np.uint8))
    index.members = lambda split: ImageIndex.members(index, split)
    index.facts = SimpleNamespace(class_names=class_names, image_size=64)
    return index


def config(**changes: Any) -> ScoresConfig:
    return ScoresConfig(judge=InceptionConfig(), reconstruction_tap="pooled", generation_tap="pooled", **changes)


@pytest.mark.parametrize(
    ("reference", "expected"), [("train", [0, 2, 3, 6, 7, 8, 9]), ("val", VAL), ("all", list(range(10)))]
)
def test_the_reference_is_of_its_split_and_the_class_judge_never_sees_val(reference: str, expected: list[int]) -> None:
    index, settings = index_of(["cat", "dog"]), config(reference=reference, classifier_images=5)
    compared, classified = reference_members(index, settings), classifier_members(index, settings)
    assert sorted(compared.tolist()) == expected
    assert len(classified) == 5 and not np.isin(classified, VAL).any()
    assert np.array_equal(classified, classifier_members(index, config(classifier_images=5))), "whatever the reference"
    few = reference_members(index, config(reference=reference, reference_images=2))
    assert np.array_equal(few, compared[:2])

    within = manifold_members(index, config(reference=reference, manifold_images=2))
    assert np.array_equal(within, few)

    images = RealImages(index, compared, classified, within)
    assert sorted(images.members.tolist()) == sorted({*compared.tolist(), *classified.tolist()}), "each once"
    images.images = [{"index": torch.tensor(i)} for i in range(10)]  # type: ignore[assignment]
    marks = [images[i] for i in range(10)]
    assert [i for i in range(10) if marks[i]["compare"]] == expected
    assert [i for i in range(10) if marks[i]["classify"]] == sorted(classified.tolist())
    assert [i for i in range(10) if marks[i]["manifold"]] == sorted(within.tolist())


def test_without_classes_no_image_is_read_for_a_class_judge() -> None:
    assert not len(classifier_members(index_of([]), config(reference="val")))


def test_the_default_reference_says_nothing_in_a_key() -> None:
    from smalti.config.parsing import plain

    assert "reference" not in plain(config(), hashed=True) and plain(config(), hashed=True) == plain(
        config(reference="train"), hashed=True
    )
    assert plain(config(reference="all"), hashed=True)["reference"] == "all"


class Doubling(nn.Module):
    """Judge whose one feature is the image's first value."""

    network = SimpleNamespace(network=SimpleNamespace(channels={"tap": 1}))

    def __call__(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"tap": images[:, 0, 0, :1]}


def test_only_what_is_compared_counts_for_the_distance() -> None:
    """And only what is classified for the class judge, and what is marked for its neighbours; an unreadable image for
    none of them."""
    judge: Any = Doubling()
    module = LitFeatureScores(judge, "tap", "tap")
    levels = torch.tensor([0, 51, 102, 255], dtype=torch.uint8)
    module.test_step(
        {
            "images": levels[:, None, None, None, None].expand(4, 1, 3, 2, 2), "labels": torch.arange(4),
            "index": torch.arange(4), "readable": torch.tensor([True, True, True, False]),
            "compare": torch.tensor([True, False, True, True]), "classify": torch.tensor([False, True, False, True]),
            "manifold": torch.tensor([False, False, True, True]),
        },
        0,
    )  # fmt: skip
    mean, _, number = module.statistics.compute()
    assert number == 2 and mean.item() == pytest.approx((-1 + (102 / 127.5 - 1)) / 2, abs=1e-2)
    assert module.labels.compute().flatten().tolist() == [1]
    module.on_test_epoch_end()
    assert module.manifold_features.tolist() == [[pytest.approx(102 / 127.5 - 1, abs=1e-2)]]


@pytest.mark.parametrize("reference", ["val", "all"])
def test_scores_take_the_reference_that_they_name(
    reference: str, smoke: dict[str, Artifact], smoke_runs: Path, tmp_path: Path
) -> None:
    """Distances change; class agreement, which has nothing to do with the reference, doesn't."""
    runs = with_inputs_of(smoke_runs, "scores", tmp_path / "runs")
    changes = [f"reference={reference}", "reference_images=null"]
    run_stage_here("scores", SMOKE, runs, *changes)
    found = Recipe(SMOKE, [f"scores.{change}" for change in changes]).status(Store(runs))["scores"].artifact
    assert found
    scores, before = json.loads(found.file("scores.json").read_text()), smoke["scores"].facts
    splits = open_index(smoke["data"]).splits
    said = {"val": f"{splits.sum()} val images", "all": f"{len(splits)} train and val images"}
    assert scores["protocol"]["generation_reference"] == f"{said[reference]}, centre crops"
    assert scores["protocol"]["manifold"]["reference"] == f"{said[reference]}, centre crops"
    assert scores["protocol"]["manifold"]["real"] == int(said[reference].partition(" ")[0])
    assert scores["generation"]["val"] == before["generation"]["val"]
    one, other = (figures["generation"]["nar/phase1"] for figures in (scores, before))
    assert one["class_agreement"] == other["class_agreement"] and one["frechet"] != other["frechet"]
