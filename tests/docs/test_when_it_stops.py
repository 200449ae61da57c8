"""docs/when_it_stops.md says of every stage and exit code what the code does."""

import ast
import importlib
import re
import signal
from pathlib import Path

import pytest
from conftest import PROJECT

from configs.schema.stages import STAGES
from datamodules.shards import SYNC_EVERY
from lit_modules.training import MAX_SKIPPED
from pipeline.job import obey_signals
from pipeline.process import PREEMPTED
from pipeline.slurm import NOTICE, TEMPLATE
from stages.training.checkpoints import KEPT

PAGE = (PROJECT / "docs" / "when_it_stops.md").read_text()


def table(heading: str) -> list[list[str]]:
    """Returns the cells of the first table below a heading of the page, by row, the head first."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    assert rows, f"no table below {heading!r}"
    return [[cell.strip() for cell in row] for row in rows if not set(row[0]) <= set("-")]


def code_by(stage: str, number: signal.Signals) -> int | None:
    """Returns the exit code by which a stage that isn't training obeys a signal; None if it works on.

    The handlers themselves are asked, wherever it is declared which stages go on; conftest puts the old ones back.
    """
    obey_signals(stage)
    try:
        signal.raise_signal(number)
    except SystemExit as end:
        assert isinstance(end.code, int)
        return end.code
    return None


def goes_on() -> list[str]:
    """Returns the stages that are requeued when they are told to stop."""
    return [stage for stage in STAGES if code_by(stage, signal.SIGTERM) == PREEMPTED]


def starts_anew() -> list[str]:
    """Returns the other stages."""
    return [stage for stage in STAGES if stage not in goes_on()]


def test_each_stage_stands_on_its_side() -> None:
    _, *rows = table("Which stages go on")
    assert [row[0] for row in rows] == list(STAGES)
    assert [row[0] for row in rows if row[1] == "goes on"] == goes_on()
    assert [row[0] for row in rows if row[1] == "starts anew"] == starts_anew()


def test_columns_of_signals_name_every_stage() -> None:
    _, _, _, resuming, anew, _ = table("What comes")[0]
    trainings = [stage for stage, config in STAGES.items() if "training" in config.__dataclass_fields__]
    assert anew.split(", ") == starts_anew()
    assert resuming.split(", ") == [stage for stage in goes_on() if stage not in trainings]


@pytest.mark.parametrize("stage", STAGES)
def test_signals_end_a_stage_with_the_codes_of_the_table(stage: str) -> None:
    rows = {int(row[0]): row for row in table("Exit codes")[1:]}
    by_hand = {code: row[3] for code, row in rows.items()}
    if stage in goes_on():
        assert code_by(stage, signal.SIGTERM) == code_by(stage, signal.SIGUSR1) == 75
        assert by_hand[75].startswith("a stage that goes on, by SIGTERM or SIGUSR1")
    else:
        assert code_by(stage, signal.SIGTERM) == 143 and code_by(stage, signal.SIGUSR1) is None
        assert by_hand[143] == ", ".join(starts_anew())


def numbers(module: str, node: ast.expr) -> set[int]:
    """Returns the exit codes that an expression may stand for; none where they are those of a call or a variable. A
    text, which Python prints, ends a process with 1."""
    if isinstance(node, ast.IfExp):
        return numbers(module, node.body) | numbers(module, node.orelse)
    if isinstance(node, ast.JoinedStr):
        return {1}
    if any(isinstance(inner, ast.Call) for inner in ast.walk(node)):
        return set()
    try:
        value = eval(ast.unparse(node), vars(importlib.import_module(module)))
    except NameError:  # a variable: the code of another process
        return set()
    return {1 if isinstance(value, str) else int(value)}


def is_command(node: ast.AST, file: Path) -> bool:
    """Returns whether what a function returns becomes an exit code."""
    if not isinstance(node, ast.FunctionDef) or node.returns is None or ast.unparse(node.returns) != "int":
        return False
    return node.name in ("main", "exit_code") or file.stem == "__main__"


def exit_codes(file: Path) -> set[int]:
    """Returns the codes that a file ends a process with: by ``sys.exit``, by ``_end`` in a signal's handler, or by what
    its ``main`` returns, in the runner any of its commands."""
    module, found = ".".join(file.relative_to(PROJECT).with_suffix("").parts), set()
    for node in ast.walk(ast.parse(file.read_text())):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "sys.exit":
            given = node.args
        elif isinstance(node, ast.Call) and ast.unparse(node).startswith("functools.partial(_end, "):
            given = node.args[1:]
        elif is_command(node, file):
            given = [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return) and inner.value]
        found |= {code for value in given for code in numbers(module, value)}
    return found


def test_the_exit_codes_are_those_of_the_code() -> None:
    files = [*(PROJECT / "pipeline").glob("*.py"), *(PROJECT / "stages").rglob("*.py")]
    codes = {code for file in files for code in exit_codes(file)}
    codes |= {int(code) for code in re.findall(r"\bexit (\d+)", TEMPLATE.read_text())}
    assert codes == {int(row[0]) for row in table("Exit codes")[1:]}


def test_the_numbers_are_those_of_the_code() -> None:
    assert KEPT == 2 and "the two newest checkpoints" in PAGE
    assert f"the last {SYNC_EVERY:.0f} s" in PAGE
    assert f"{MAX_SKIPPED} updates in a row with non-finite" in PAGE and f"After {MAX_SKIPPED} in a row" in PAGE
    assert f"SIGUSR1 {NOTICE} s before" in PAGE
    wait = re.search(r"srun --wait=(\d+)", TEMPLATE.read_text())
    assert wait and f"leaves the others {wait[1]} s (`srun --wait`)" in PAGE
