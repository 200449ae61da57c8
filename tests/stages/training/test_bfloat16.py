"""What Linux says of a CPU's bfloat16."""

from pathlib import Path

import pytest

from stages.training.bfloat16 import cpu_has_bfloat16


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512_bf16\n", True),
        ("flags\t\t: fpu avx2 amx_bf16 amx_tile\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("flags\t\t: fpu avx2\n", False),
        ("nothing of the kind\n", True),
    ],
)
def test_the_flags_tell(text: str, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_has_bfloat16(tmp_path / "cpuinfo") is expected


def test_where_nothing_is_said_nothing_is_claimed(tmp_path: Path) -> None:
    assert cpu_has_bfloat16(tmp_path / "nowhere")
