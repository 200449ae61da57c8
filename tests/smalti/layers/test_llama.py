"""LlamaGen's transformer against what defines it, and against transformers' layers."""

import math

import torch
from torch.nn import functional as F
from transformers import LlamaConfig as PeerConfig
from transformers.models.llama.modeling_llama import LlamaMLP, LlamaRMSNorm

from smalti.config.priors import LlamaConfig
from smalti.layers.llama import LlamaBlock, LlamaTransformer, RMSNorm, grid_rotations, rotate


def test_scores_depend_on_the_distance_in_rows_and_columns_alone() -> None:
    side = 5
    q, k = torch.randn(8, dtype=torch.float64), torch.randn(8, dtype=torch.float64)
    rotations = grid_rotations(side, side * side + 1, 8)[1:]
    queries, keys = (rotate(x.expand(1, 1, side * side, 8), rotations)[0, 0].double() for x in (q, k))
    scores = (queries @ keys.T).view(side, side, side, side)
    seen: dict[tuple[int, int], float] = {}
    for row in range(side):
        for column in range(side):
            for other_row in range(side):
                for other_column in range(side):
                    distance, score = (
                        (row - other_row, column - other_column),
                        scores[row, column, other_row, other_column],
                    )
                    torch.testing.assert_close(score.item(), seen.setdefault(distance, score.item()), atol=1e-4, rtol=0)
    values = list(seen.values())
    assert len({round(value, 3) for value in values}) > 0.9 * len(values), "rows and columns are told apart"
    # The first half of the channels knows rows alone, the second columns alone.
    torch.testing.assert_close(queries[0, 4:], queries[side, 4:])
    torch.testing.assert_close(queries[0, :4], queries[1, :4])


def test_channels_turn_counterclockwise_by_the_row_and_the_column() -> None:
    """(a, b) becomes (a cos - b sin, a sin + b cos), of angle row, row / 100, column, column / 100 for 8 channels."""
    side, x = 4, torch.randn(1, 1, 16, 8)
    turned = rotate(x, grid_rotations(side, 17, 8)[1:])
    for position in range(16):
        row, column = divmod(position, side)
        for pair, angle in enumerate((row, row / 100, column, column / 100)):
            a, b = x[0, 0, position, 2 * pair : 2 * pair + 2].tolist()
            expected = [a * math.cos(angle) - b * math.sin(angle), a * math.sin(angle) + b * math.cos(angle)]
            torch.testing.assert_close(turned[0, 0, position, 2 * pair : 2 * pair + 2], torch.tensor(expected))


def test_the_condition_vanishes_and_all_others_keep_their_norm() -> None:
    rotations, x = grid_rotations(3, 10, 12), torch.randn(2, 4, 10, 12)
    turned = rotate(x, rotations)
    assert (turned[:, :, 0] == 0).all()
    torch.testing.assert_close(turned[:, :, 1], x[:, :, 1])  # row 0, column 0
    torch.testing.assert_close(turned[:, :, 1:].norm(dim=-1), x[:, :, 1:].norm(dim=-1))


def test_norm_and_mlp_are_those_of_llama() -> None:
    block = LlamaBlock(LlamaConfig(num_layers=1, num_heads=2, width=16, mlp_width=40, dropout=0.0), causal=True)
    torch.nn.init.zeros_(block.out.weight)  # attention adds nothing
    torch.nn.init.normal_(block.norm2.weight)
    mlp = LlamaMLP(PeerConfig(hidden_size=16, intermediate_size=40, num_attention_heads=2))
    norm = LlamaRMSNorm(16, eps=1e-5)
    mlp.gate_proj.weight.data, mlp.up_proj.weight.data = block.gate_up.weight.data.chunk(2)
    mlp.down_proj.weight.data, norm.weight.data = block.down.weight.data, block.norm2.weight.data
    x = torch.randn(3, 7, 16)
    torch.testing.assert_close(block(x, grid_rotations(3, 7, 8)) - x, mlp(norm(x)))


def test_norm_is_float32_under_autocast() -> None:
    norm, x = RMSNorm(16), torch.randn(4, 16) * 100
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = norm(x)
    torch.testing.assert_close(found, F.rms_norm(x, (16,), eps=1e-5))


def test_causal_positions_do_not_see_what_follows() -> None:
    network = LlamaTransformer(LlamaConfig(num_layers=2, num_heads=2, width=16, mlp_width=32, dropout=0.0), 10, 3, True)
    x = torch.randn(2, 10, 16)
    changed = x.clone()
    changed[:, 6:] += 1
    torch.testing.assert_close(network(x)[:, :6], network(changed)[:, :6])
    assert not torch.allclose(network(x)[:, 6:], network(changed)[:, 6:])
