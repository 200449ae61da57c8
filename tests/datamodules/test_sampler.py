"""Data order: a function of the global position alone."""

import itertools

import numpy as np
import pytest

from datamodules.rows import TrainingRows
from datamodules.sampler import GlobalSampler, Permutations, StridedSampler
from datamodules.tokens import token_batch


def order(world: int, start: int, batch: int, updates: int) -> list[int]:
    """Positions in the order in which training consumes them: update by update, rank by rank."""
    ranks = [iter(GlobalSampler(start, batch // world, rank, world)) for rank in range(world)]
    return [p for _ in range(updates) for rank in ranks for p in itertools.islice(rank, batch // world)]


@pytest.mark.parametrize("world", [1, 2, 4])
def test_order_does_not_depend_on_the_number_of_ranks(world: int) -> None:
    assert order(world, 0, 8, 5) == list(range(40))


def test_resuming_is_starting_at_a_position() -> None:
    assert order(2, 24, 8, 2) == order(1, 0, 8, 5)[24:]


def test_every_epoch_has_every_sample_once() -> None:
    permutations = Permutations(10, seed=0)
    epochs = [[permutations[epoch * 10 + i] for i in range(10)] for epoch in range(3)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1]
    assert [Permutations(10, seed=0)[13], permutations[3]] == [epochs[1][3], epochs[0][3]]


class Rows:
    """Token rows of which only the labels matter."""

    def __init__(self, labels: np.ndarray) -> None:
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)


def test_balanced_classes_take_turns_and_each_goes_through_its_epochs() -> None:
    labels = np.array([0] * 12 + [1] * 2 + [2] * 4)
    tokens = TrainingRows(Rows(labels), token_batch, 0, class_balanced=True)  # type: ignore[arg-type]
    rows = [tokens.row(position) for position in range(36)]
    assert [int(labels[row]) for row in rows] == [0, 1, 2] * 12
    assert sorted(rows[0::3]) == list(range(12))
    assert all(sorted(rows[1::3][2 * epoch : 2 * epoch + 2]) == [12, 13] for epoch in range(6))


@pytest.mark.parametrize("world", [1, 2, 3])
def test_evaluation_meets_each_index_once(world: int) -> None:
    indices = np.arange(10) * 3
    met = [i for rank in range(world) for i in StridedSampler(indices, rank, world)]
    assert sorted(met) == indices.tolist()
