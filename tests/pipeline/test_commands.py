"""Command lines are declared once: the runner answers by the declaration, and a script parses the same words by it."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import PROJECT, SMOKE

from pipeline import __main__ as runner
from pipeline.commands import COMMANDS, exit_code, parse, run_script

SCRIPTS = [name for name, command in COMMANDS.items() if command.script]


class Started:
    """Stands for a process that ended with exit code 7."""

    def wait(self) -> int:
        return 7


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The commands that the runner starts; nothing is started."""
    commands: list[Sequence[str]] = []
    monkeypatch.setattr(runner, "start", lambda command: (commands.append(command), Started())[1])
    return commands


def test_every_argument_has_its_text() -> None:
    for name, command in COMMANDS.items():
        assert command.text
        for argument, settings in command.arguments.items():
            assert settings.get("help"), f"{name} {argument}"


def test_scripts_are_files_that_parse_by_their_own_declaration() -> None:
    for name in SCRIPTS:
        source = (PROJECT / "stages" / "commands" / f"{name}.py").read_text()
        assert f'sys.exit(run_script("{name}", ' in source and "add_argument" not in source


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_starts_no_script(
    name: str, started: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["pipeline", name, "--help"])
    with pytest.raises(SystemExit) as end:
        runner.main()
    assert end.value.code == 0 and not started
    printed = capsys.readouterr().out
    assert all(argument in printed for argument in COMMANDS[name].arguments)


def test_a_wrong_option_starts_no_script(
    started: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["pipeline", "cost", str(SMOKE), "--tflop=1"])
    with pytest.raises(SystemExit) as end:
        runner.main()
    assert end.value.code == 2 and not started and "--tflop=1" in capsys.readouterr().err


def test_a_script_gets_the_words_as_they_were_given(
    started: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [str(SMOKE), "--json", "--set", "data.seed=1", "--tflops", "1e3", "--set=data.image_size=64"]
    monkeypatch.setattr(sys, "argv", ["pipeline", "cost", *words])
    assert runner.main() == 7
    [command] = started
    assert command[1].endswith("stages/commands/cost.py") and command[2:] == words

    seen: list[argparse.Namespace] = []
    monkeypatch.setattr(sys, "argv", ["cost.py", *command[2:]])
    assert run_script("cost", lambda options: (seen.append(options), 0)[1]) == 0
    [options] = seen
    assert options == parse(["cost", *words])
    assert (options.recipe, options.set, options.tflops) == (SMOKE, ["data.seed=1", "data.image_size=64"], 1000.0)
    assert options.json and options.runs == Path("runs") and options.utilisation == 0.35


def test_a_wrong_recipe_starts_no_script(
    started: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["pipeline", "doctor", str(tmp_path)])
    assert runner.main() == 1 and not started
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}: no recipe")


@pytest.mark.parametrize("error", [ValueError("one\n  two"), OSError("one\ntwo")])
def test_an_error_that_a_user_can_fix_is_one_line(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(options: argparse.Namespace) -> int:
        raise error

    assert exit_code(fail, argparse.Namespace()) == 1
    assert capsys.readouterr().err == "error: one two\n"


def test_no_memory_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(options: argparse.Namespace) -> int:
        raise MemoryError("Unable to allocate 8 EiB")

    assert exit_code(fail, argparse.Namespace()) == 1
    assert capsys.readouterr().err == "error: out of memory (Unable to allocate 8 EiB); take a smaller batch\n"


def test_a_reader_that_has_gone_is_no_error() -> None:
    """As head, which closes the pipe after its lines."""
    command = f"{sys.executable} -m pipeline rows | head -n 1"
    done = subprocess.run(["bash", "-c", command], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60)
    assert len(done.stdout.splitlines()) == 1 and not done.stderr


def test_ctrl_c_is_130_and_said_once(
    started: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A terminal's Ctrl-C reaches runner and script."""

    def interrupted(*words: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["cost.py", str(SMOKE)])
    assert run_script("cost", interrupted) == 130 and not capsys.readouterr().err
    monkeypatch.setattr(Started, "wait", interrupted)
    monkeypatch.setattr(sys, "argv", ["pipeline", "cost", str(SMOKE)])
    assert runner.main() == 130
    assert capsys.readouterr().err == "interrupted; the same command goes on\n"
