"""Networks that get their weights from a file."""

import torch
from torch import nn

from smalti.building import build_outline, build_unfilled


class Positions(nn.Module):
    """Weights by ``nn.init``, by drawing, and a table that no file holds."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(64, 64), nn.LayerNorm(64)
        self.drawn = nn.Parameter(torch.randn(64))
        self.register_buffer("table", torch.arange(4), persistent=False)
        nn.init.normal_(self.linear.weight)
        nn.init.zeros_(tensor=self.linear.bias)


def test_nothing_is_drawn_from_the_callers_random_state() -> None:
    before = torch.get_rng_state()
    network = build_unfilled(Positions)
    assert torch.get_rng_state().equal(before)
    assert network.table.tolist() == [0, 1, 2, 3]  # what isn't loaded is computed all the same


def test_initialisation_is_left_out_only_inside() -> None:
    filled = build_unfilled(lambda: nn.init.constant_(torch.zeros(3), 7))  # type: ignore[type-var]
    assert filled.tolist() == [0, 0, 0]
    assert nn.init.constant_(torch.zeros(3), 7).tolist() == [7, 7, 7]


def test_an_outline_has_names_and_shapes_alone() -> None:
    outline, whole = build_outline(Positions), Positions()
    assert all(value.is_meta for value in outline.state_dict().values())
    shapes = {name: value.shape for name, value in whole.state_dict().items()}
    assert {name: value.shape for name, value in outline.state_dict().items()} == shapes
