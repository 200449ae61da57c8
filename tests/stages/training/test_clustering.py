"""Centres of codebooks: k-means of groups, and the two ways without it."""

import weakref
from pathlib import Path

import faiss
import numpy as np
import pytest
from tests_support import Bomb

from configs.schema.codebook import CodebookConfig
from smalti.config.features import EfficientNetLiteConfig
from stages.training.clustering import cluster


def config(**changes: object) -> CodebookConfig:
    settings = {"features": EfficientNetLiteConfig(), "tap": "block2", "num_codes": 6, "iterations": 10, **changes}
    return CodebookConfig(**settings)  # type: ignore[arg-type]


def points(centre: float, number: int = 200) -> np.ndarray:
    random = np.random.default_rng(int(centre) + 50)
    return (centre + random.normal(size=(number, 4)) * 0.1).astype(np.float16)


def test_each_group_gets_its_share(tmp_path: Path) -> None:
    groups = {"class a": lambda: points(-5), "class b": lambda: points(5)}
    clustering = cluster(groups, config(), on_gpu=False, work=tmp_path)
    centres, report = clustering.centres, clustering.report
    assert centres.shape == (6, 4) and (centres[:3] < 0).all() and (centres[3:] > 0).all()
    assert report["num_points"] == 400 and report["empty"] == 0 and report["duplicates"] == 0
    assert len(report["objective"]) == 10


def test_a_killed_clustering_goes_on(tmp_path: Path) -> None:
    """Groups that are done aren't clustered again."""
    whole = cluster({"a": lambda: points(-5), "b": lambda: points(5)}, config(), False, tmp_path / "whole")
    reads = []

    def killed() -> np.ndarray:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cluster({"a": lambda: points(-5), "b": killed}, config(), False, tmp_path / "cut")
    first = lambda: (reads.append("a"), points(-5))[1]  # noqa: E731
    again = cluster({"a": first, "b": lambda: points(5)}, config(), False, tmp_path / "cut")
    assert np.array_equal(again.centres, whole.centres)
    assert reads == ["a"], "read for the report alone"


def test_one_group_is_in_memory_at_a_time(tmp_path: Path) -> None:
    """With a million images a copy has 63 GB."""
    copies: list[weakref.ref[np.ndarray]] = []

    def read() -> np.ndarray:
        assert all(copy() is None for copy in copies), "points that were read before are still there"
        data = points(5).astype(np.float32)
        copies.append(weakref.ref(data))
        return data

    cluster({"all": read}, config(), False, tmp_path)
    assert len(copies) == 2, "for k-means and for the report"


@pytest.mark.parametrize("spherical", [False, True])
def test_kmeans_goes_on_after_any_iteration(spherical: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Iteration by iteration, cut in the middle, it is faiss's k-means in one go."""
    data = np.concatenate([points(c) for c in (-3, 0, 4)]).astype(np.float32)
    bounds = {"min_points_per_centroid": 1, "max_points_per_centroid": len(data)}
    whole = faiss.Kmeans(4, 20, niter=10, seed=1, spherical=spherical, **bounds)
    whole.train(data)
    train, done = faiss.Kmeans.train, []

    def killed_in_the_fifth(self: faiss.Kmeans, *args: object, **options: object) -> object:
        done.append(1)
        if len(done) == 5:
            raise KeyboardInterrupt
        return train(self, *args, **options)

    monkeypatch.setattr(faiss.Kmeans, "train", killed_in_the_fifth)
    settings = config(num_codes=20, spherical=spherical)
    with pytest.raises(KeyboardInterrupt):
        cluster({"all": lambda: data}, settings, False, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["000000.part.npz"]
    clustering = cluster({"all": lambda: data}, settings, False, tmp_path)
    assert len(done) == 5 + 6 and [path.name for path in tmp_path.iterdir()] == ["000000.npz"]
    assert np.array_equal(clustering.centres, whole.centroids)
    assert np.allclose(clustering.report["objective"], whole.obj, rtol=1e-6)


@pytest.mark.parametrize("kind", ["selected", "gaussian"])
def test_centres_without_kmeans(kind: str, tmp_path: Path) -> None:
    data = points(5)
    first = cluster({"all": lambda: data}, config(centres=kind), False, tmp_path / "1").centres
    again = cluster({"all": lambda: data}, config(centres=kind), False, tmp_path / "2").centres
    assert first.shape == (6, 4) and np.array_equal(first, again)
    among = {tuple(row) for row in data.astype(np.float32).tolist()}
    assert all((tuple(row) in among) == (kind == "selected") for row in first.tolist())


@pytest.mark.parametrize(
    ("changes", "groups", "expected"),
    [
        ({"num_codes": 7}, 2, "7 codes don't divide by 2 labelled classes"),
        ({"num_codes": 500}, 2, "class 0: codebook of 250 codes from 200 points: give more images or fewer codes"),
    ],
)
def test_what_cannot_be_clustered_is_named(changes: dict, groups: int, expected: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=expected):
        cluster({f"class {i}": lambda: points(1) for i in range(groups)}, config(**changes), False, tmp_path)


@pytest.mark.parametrize("damage", ["hostile", "cut", "empty", "array", "other"])
def test_kept_centres_that_cannot_be_read_are_named(damage: str, tmp_path: Path) -> None:
    file, groups = tmp_path / "000000.npz", {"all": lambda: points(1)}
    cluster(groups, config(), False, tmp_path)
    whole = file.read_bytes()
    with file.open("wb") as stream:
        if damage == "hostile":
            np.savez(stream, centres=np.array([Bomb(tmp_path / "ran")], dtype=object), objective=np.zeros(1))
        elif damage == "array":
            np.save(stream, np.zeros(1))
        elif damage == "other":
            np.savez(stream, others=np.zeros(1))
        else:
            stream.write(whole[: 0 if damage == "empty" else len(whole) // 2])
    with pytest.raises(ValueError, match=r"000000\.npz: not the centres of a group .*; delete it"):
        cluster(groups, config(), False, tmp_path)
    assert not (tmp_path / "ran").exists()
    file.unlink()
    cluster(groups, config(), False, tmp_path)
