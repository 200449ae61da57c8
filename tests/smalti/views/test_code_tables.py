"""The neighbours of codes in a table; the tables of every kind of codebook are tested with the codebooks."""

import numpy as np
import pytest
import torch

from smalti.views.code_tables import nearest_others


def test_neighbours_are_those_of_a_sorted_list_of_distances() -> None:
    table = torch.randn(300, 5, generator=torch.Generator().manual_seed(0))
    codes = torch.tensor([0, 299, 17, 17])
    distances = ((table.numpy()[codes][:, None].astype(np.float64) - table.numpy()) ** 2).sum(-1)
    expected = np.argsort(distances, axis=1)[:, 1:8]  # place 0 is the code itself
    np.testing.assert_array_equal(nearest_others(table, codes, 7).numpy(), expected)


def test_a_code_with_the_same_vector_is_a_neighbour_and_the_code_itself_is_none() -> None:
    table = torch.tensor([[0.0], [0.0], [5.0]])
    assert nearest_others(table, torch.tensor([0, 1]), 2).tolist() == [[1, 2], [0, 2]]
    assert nearest_others(table, torch.tensor([], dtype=torch.int64), 2).shape == (0, 2)


def test_more_neighbours_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="3 nearest codes of 3: a code has 2 others; ask for fewer"):
        nearest_others(torch.zeros(3, 1), torch.tensor([0]), 3)
