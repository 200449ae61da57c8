"""Tokens replaced by near codes."""

import torch

from smalti.codebooks import FactorisedCodebooks
from smalti.codebooks.factorised import encoder_penalty
from smalti.codebooks.frozen import FrozenCodebook
from smalti.views.replacement import replaced

SQUARES = FrozenCodebook.of(torch.tensor([[0.0], [1.0], [4.0], [9.0], [16.0]]))  # code i is i squared


def test_each_token_becomes_its_nth_nearest_other_code() -> None:
    tokens = torch.tensor([[[0, 2], [4, 2]]])
    found = replaced(tokens, SQUARES, [1, 2, 4])
    assert found[1].tolist() == [[[1, 1], [3, 1]]]  # 4 lies 3 from 1, 4 from 0, 5 from 9
    assert found[2].tolist() == [[[2, 0], [2, 0]]]
    assert found[4].tolist() == [[[4, 4], [0, 4]]]


def test_each_book_is_replaced_by_its_own_codes() -> None:
    falling = FrozenCodebook.of(torch.tensor([[16.0], [9.0], [4.0], [1.0], [0.0]]))
    books = FactorisedCodebooks([SQUARES, falling], ["a", "b"], 0.0, encoder_penalty)
    found = replaced(torch.tensor([[[[0]], [[0]]], [[[4]], [[4]]]]), books, [1])[1]
    assert found.flatten(1).tolist() == [[1, 1], [3, 3]] and found.shape == (2, 2, 1, 1)
