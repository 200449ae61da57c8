"""What was measured of settings is known again, and nothing else is."""

from pathlib import Path

import pytest

from smalti.config.sampling import ArSamplingConfig, NarSamplingConfig
from stages.results.tried_settings import TriedSettings

FIGURES = {"frechet": 0.1 + 0.2, "class_agreement": {"balanced": 1 / 3, "plain": 0.5}}


def test_figures_come_back_to_the_last_bit(tmp_path: Path) -> None:
    file = tmp_path / "tried.json"
    TriedSettings(file).add("ar", ArSamplingConfig(top_p=0.9), FIGURES)
    TriedSettings(file).add("nar", NarSamplingConfig(), {"frechet": 7.0})
    known = TriedSettings(file)
    assert known.find("ar", ArSamplingConfig(top_p=0.9)) == FIGURES
    assert known.find("ar", ArSamplingConfig(top_p=0.8)) is None
    assert known.find("nar", NarSamplingConfig()) == {"frechet": 7.0}
    assert known.find("other", NarSamplingConfig()) is None, "of another prior"
    assert [path.name for path in tmp_path.iterdir()] == ["tried.json"]


@pytest.mark.parametrize("text", ["", "[{", "{}x", '[{"prior": "ar"}]', "[3]"])
def test_a_damaged_file_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "tried.json").write_text(text)
    with pytest.raises(ValueError, match=r"tried\.json: damaged \(.*; delete it, what it knew is drawn again"):
        TriedSettings(tmp_path / "tried.json")
