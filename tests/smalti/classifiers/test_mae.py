"""A classifier that starts from a file in MAE's released format."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tests_support import Bomb
from torch import Tensor
from torch.nn import functional as F

from smalti.classifiers.code_vit import code_vit
from smalti.classifiers.mae import start_from_mae
from smalti.config.classifier import CodeVitConfig, MaeConfig

SHAPE = CodeVitConfig(num_layers=2, num_heads=2, width=32, mlp_width=128)


def encoder(width: int = 32, layers: int = 2, side: int = 14) -> dict[str, Tensor]:
    """Returns random tensors by the names and shapes of mae_pretrain_vit_*.pth."""
    state = {
        "cls_token": torch.randn(1, 1, width),
        "pos_embed": torch.randn(1, side**2 + 1, width),
        "patch_embed.proj.weight": torch.randn(width, 3, 16, 16),
        "patch_embed.proj.bias": torch.randn(width),
        "norm.weight": torch.randn(width),
        "norm.bias": torch.randn(width),
    }
    for i in range(layers):
        shapes = {
            "norm1": (width,), "attn.qkv": (3 * width, width), "attn.proj": (width, width), "norm2": (width,),
            "mlp.fc1": (4 * width, width), "mlp.fc2": (width, 4 * width),
        }  # fmt: skip
        for name, shape in shapes.items():
            state[f"blocks.{i}.{name}.weight"] = torch.randn(shape)
            state[f"blocks.{i}.{name}.bias"] = torch.randn(shape[0])
    return state


def start(file: Path, grid: tuple[int, int] = (16, 16)) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Returns the tensors of a classifier before and after it started from ``file``."""
    network = code_vit(SHAPE, 8, grid, 10)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    start_from_mae(network, MaeConfig(weights=str(file)))
    return before, dict(network.state_dict())


@pytest.mark.parametrize("released", [True, False])
def test_blocks_are_taken_and_the_ends_stay(released: bool, tmp_path: Path) -> None:
    state, file = encoder(), tmp_path / ("mae.pth" if released else "mae.safetensors")
    if released:
        torch.save({"model": state}, file)
    else:
        save_file(state, file)
    before, after = start(file)
    stay = {f"{layer}.{kind}" for layer in ("patch_embed.proj", "fc_norm", "head") for kind in ("weight", "bias")}
    for name, value in after.items():
        if name in stay:
            assert torch.equal(value, before[name]), name
        elif name != "pos_embed":
            assert torch.equal(value, state[name]), name
    assert len(after) == len(stay) + 2 + 2 * 12


@pytest.mark.parametrize("grid", [(16, 16), (32, 32), (8, 8), (14, 14), (6, 10)])
def test_positions_are_interpolated_as_mae_does_it(grid: tuple[int, int], tmp_path: Path) -> None:
    """util/pos_embed.py: bicubic, align_corners False, without antialiasing; the class token keeps its own."""
    state = encoder()
    torch.save({"model": state}, tmp_path / "mae.pth")
    found = start(tmp_path / "mae.pth", grid)[1]["pos_embed"]
    first, rest = state["pos_embed"].split([1, 196], dim=1)
    square = rest.reshape(1, 14, 14, 32).permute(0, 3, 1, 2)
    square = F.interpolate(square, size=grid, mode="bicubic", align_corners=False)
    expected = torch.cat([first, square.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    if grid == (14, 14):
        assert torch.equal(found, state["pos_embed"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda state: encoder(width=64), "2 blocks of width 64, the classifier has 2 of width 32; name other weights"),
        (lambda state: encoder(layers=3), "3 blocks of width 32, the classifier has 2 of width 32"),
        (lambda state: {k: v for k, v in state.items() if k != "cls_token"}, "1 tensors missing ['cls_token']"),
        (lambda state: {k: v for k, v in state.items() if k != "pos_embed"}, "no pos_embed"),
        (lambda state: {**state, "mask_token": torch.zeros(1)}, "1 unexpected ['mask_token']"),
        (lambda state: {**state, "pos_embed": torch.zeros(1, 196, 32)}, "195 positions, not a square number"),
        (lambda state: {**state, "blocks.1.mlp.fc1.bias": torch.zeros(96)}, "blocks.1.mlp.fc1.bias has shape (96,), "),
        (lambda state: {"model": [1]}, "expected a mapping of names to tensors"),
    ],
)  # fmt: skip
def test_other_weights_are_refused_in_one_line(change: object, expected: str, tmp_path: Path) -> None:
    torch.save({"model": change(encoder())}, tmp_path / "mae.pth")  # type: ignore[operator]
    with pytest.raises(ValueError) as error:
        start(tmp_path / "mae.pth")
    assert expected in str(error.value) and "\n" not in str(error.value)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    torch.save({"model": encoder(), "args": Bomb(tmp_path / "made")}, tmp_path / "mae.pth")
    with pytest.raises(ValueError, match="cannot be read as plain tensors"):
        start(tmp_path / "mae.pth")
    assert not (tmp_path / "made").exists()
