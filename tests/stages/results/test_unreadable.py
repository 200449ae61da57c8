"""How many images may be unreadable, and how it is said."""

from pathlib import Path

import pytest

from stages.results.unreadable import Tolerance


def test_as_many_as_the_share_are_tolerated_and_listed(tmp_path: Path) -> None:
    tolerance = Tolerance(share=0.02, number=100, file=tmp_path / "unreadable.txt")
    tolerance.check([])
    assert not tolerance.file.exists()
    tolerance.check(["a.png", "b.png"])
    assert tolerance.file.read_text() == "a.png\nb.png\n"


def test_a_long_list_is_in_the_file(tmp_path: Path) -> None:
    tolerance = Tolerance(share=0.001, number=1000, file=tmp_path / "unreadable.txt")
    names = [f"{i:03d}.png" for i in range(38)]
    with pytest.raises(ValueError) as caught:
        tolerance.check(names)
    assert str(caught.value) == (
        "38 of 1000 images can't be read, above data.max_unreadable 0.001: 000.png, 001.png, 002.png and 35 more, see "
        f"{tolerance.file}; mend them, or set data.max_unreadable to 0.038"
    )
    assert tolerance.file.read_text().splitlines() == names


@pytest.mark.parametrize(("bad", "number"), [(1, 3), (1, 7), (2, 3), (123, 4567), (1, 1_281_167), (999, 1000), (5, 5)])
def test_the_share_that_is_advised_is_enough(bad: int, number: int) -> None:
    advised = float(Tolerance(0, number, Path()).enough(["x"] * bad))
    assert bad <= advised * number and advised <= 1.2 * bad / number
