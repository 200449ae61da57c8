"""``python -m pipeline claims``: runs what is missing, nothing twice, and writes page and chart."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import SMOKE
from tests_support import with_inputs_of

from pipeline.commands import parse
from pipeline.process import PREEMPTED
from smalti.artifact import Artifact
from stages.commands import claims

CLAIM = f"""\
order: 1
claim: Seeds draw as many.
printed: nowhere
recipe: {SMOKE}
seeded: [samples]
reference: plain
figures:
  drawn: {{at: "samples:num_samples", decimals: 0}}
  PSNR: {{at: "tokenizer:image_size"}}
variants:
  plain: {{seeds: 2}}
  more: {{set: {{samples.num_samples: 56}}}}
expected:
  - {{figure: drawn, larger: more, smaller: plain}}
why: for a test
"""


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """A command line over one claim in a folder of its own."""
    folder = tmp_path / "claims"
    folder.mkdir()
    (folder / "trial.yaml").write_text(CLAIM)
    (folder / "lengths.yaml").write_text("seconds: {start: 60, samples: 120}\nfull: {seeds: 2, longer: 2, set: {}}\n")
    runs = tmp_path / "runs"
    return ["claims", "--folder", str(folder), "--runs", str(runs), "--to", str(tmp_path / "page" / "claims.md")]


def test_runs_what_is_missing_and_nothing_twice(
    words: list[str], smoke_runs: Path, smoke: dict[str, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    runs, drawn = with_inputs_of(smoke_runs, "samples", tmp_path / "runs"), smoke["samples"].path
    (runs / "artifacts" / "samples").mkdir()
    (runs / "artifacts" / "samples" / drawn.name).symlink_to(drawn)
    assert claims.main(parse([*words, "--table"])) == 0
    page = tmp_path / "page" / "claims.md"
    assert "| plain | - | 54 | 64.00 ± 0.00 | 2 |" in page.read_text(), "the samples of one seed are published"
    assert claims.main(parse([*words, "--plan"])) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["all", "7", "9.0", "6.0"]

    assert claims.main(parse(words)) == 0
    said = page.read_text()
    assert "| plain | - | 54 ± 0 | 64.00 ± 0.00 | 2 |" in said and "| more | - | 56 | 64.00 | 1 |" in said
    assert "| drawn: more > plain | 2 | 0 | holds |" in said and page.with_suffix(".svg").is_file()
    assert len(list((tmp_path / "runs" / "artifacts" / "samples").iterdir())) == 3

    def refuse(command: Sequence[str]) -> None:
        raise AssertionError(f"started again: {command}")

    monkeypatch.setattr(claims, "start", refuse)
    assert claims.main(parse(words)) == 0 and page.read_text() == said
    assert claims.main(parse([*words, "--plan"])) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["all", "7", "9.0", "0.0"]


class Ended:
    """Stands for a process that ended with a code."""

    def __init__(self, code: int) -> None:
        self.code = code

    def wait(self) -> int:
        return self.code


def test_a_variant_that_fails_doesnt_stop_the_others(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands: list[Sequence[str]] = []
    monkeypatch.setattr(claims, "start", lambda command: (commands.append(command), Ended(1))[1])
    assert claims.main(parse(words)) == 1
    assert len(commands) == 3 and all(command[:4] == [command[0], "-m", "pipeline", "run"] for command in commands)
    assert commands[1][-1] == "--set=samples.seed=1" and commands[2][-1] == "--set=samples.num_samples=56"
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3 and errors[2].startswith("error: trial: more, seed 0: samples ended with exit code 1; the")


def test_a_stop_ends_it_with_the_runners_code(
    words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(claims, "start", lambda command: Ended(PREEMPTED))
    assert claims.main(parse(words)) == PREEMPTED
    assert "the same command goes on" in capsys.readouterr().err
    assert "not tried yet" in (tmp_path / "page" / "claims.md").read_text()
