"""What is kept of a training's checkpoints."""

from pathlib import Path

from stages.checkpoints import drop_partial, newest_checkpoint


def test_what_a_killed_writer_left_is_dropped(tmp_path: Path) -> None:
    """The step that it was writing may never be written again."""
    for name in ("step=00000008.ckpt", "step=00000009.ckpt.partial"):
        (tmp_path / name).write_text("")
    drop_partial(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["step=00000008.ckpt"]
    assert newest_checkpoint(tmp_path) == tmp_path / "step=00000008.ckpt"
