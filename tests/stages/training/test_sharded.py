"""Where weights can't be shared out; that they are, and well, tests/reliability/test_sharded.py shows on two ranks."""

from pathlib import Path

import pytest
from conftest import SMOKE, run_stage_here
from tests_support import with_inputs_of

from smalti.config.parsing import ConfigError


@pytest.mark.parametrize(
    ("stage", "changes", "expected"),
    [
        ("tokenizer", ["runtime.strategy=fsdp"], r"tokenizer\.yaml: runtime\.strategy: 'fsdp' given, expected one of"),
        ("ar_prior", ["runtime.strategy=fsdp", "runtime.compile=true"], r"runtime\.compile: not with strategy fsdp"),
    ],
)
def test_what_a_recipe_cannot_say(stage: str, changes: list[str], expected: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=expected):
        run_stage_here(stage, SMOKE, tmp_path, *changes)


def test_what_the_launcher_cannot_say(smoke_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``fabric run --strategy fsdp`` of a stage that trains no prior."""
    runs = with_inputs_of(smoke_runs, "tokenizer", tmp_path / "runs")
    monkeypatch.setenv("LT_STRATEGY", "fsdp")
    with pytest.raises(ValueError, match="strategy fsdp: only priors are trained so, not tokenizer; take ddp"):
        run_stage_here("tokenizer", SMOKE, runs)
