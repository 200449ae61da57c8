"""What is kept of a training's checkpoints."""

from pathlib import Path

import pytest
import torch

from stages.training.checkpoints import PARTS, Generations, drop_partial, newest_checkpoint


def test_what_a_killed_writer_left_is_dropped(tmp_path: Path) -> None:
    """The step that it was writing may never be written again."""
    for name in ("step=00000008.ckpt", "step=00000009.ckpt.partial"):
        (tmp_path / name).write_text("")
    drop_partial(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["step=00000008.ckpt"]
    assert newest_checkpoint(tmp_path) == tmp_path / "step=00000008.ckpt"


def test_a_flipped_bit_of_a_checkpoint_is_named(tmp_path: Path) -> None:
    """PyTorch would read it without a word."""
    file, weight = tmp_path / "step=00000001.ckpt", torch.full((1000,), 5000.0)
    Generations().save_checkpoint(dict.fromkeys(PARTS, 0) | {"weight": weight}, file)
    assert torch.equal(Generations().load_checkpoint(file)["weight"], weight)
    data = bytearray(file.read_bytes())
    data[data.index(weight.numpy().tobytes()) + 2000] ^= 0x40
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r"step=00000001\.ckpt: not a readable checkpoint \(.* isn't what was written"):
        Generations().load_checkpoint(file)


@pytest.mark.parametrize("content", [{}, {"state_dict": {}}, [1], torch.zeros(2)])
def test_a_checkpoint_of_something_else_is_named(content: object, tmp_path: Path) -> None:
    file = tmp_path / "step=00000001.ckpt"
    torch.save(content, file)
    with pytest.raises(ValueError, match=r"step=00000001\.ckpt: not a readable checkpoint \(it lacks .*global_step"):
        Generations().load_checkpoint(file)
