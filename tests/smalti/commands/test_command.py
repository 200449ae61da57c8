"""The command line as a whole: help, errors, exit codes."""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from smalti import __version__
from smalti.commands import COMMANDS, encode, evaluate, main, parser, show, weights
from smalti.commands.options import progress, usable_device
from smalti.config.weights import PACKAGE
from smalti.evaluation import networks, protocols

HELP = """
import contextlib, io, sys
from smalti.commands import COMMANDS, main
for words in ([], *([name] for name in COMMANDS)):
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as text:
        main([*words, "--help"])
    assert text.getvalue().startswith("usage: smalti"), text.getvalue()
print(sorted({"torch", "numpy", "PIL", "tqdm"} & sys.modules.keys()))
"""


def commands() -> dict[str, argparse.ArgumentParser]:
    (group,) = (action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(group.choices)


def test_help_answers_without_torch() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_names_that_help_lists_are_those_of_the_library() -> None:
    """They are written twice, so that help needn't import torch."""
    assert list(evaluate.NETWORKS) == list(networks.NETWORKS)
    assert list(evaluate.PROTOCOLS) == list(protocols.PROTOCOLS)
    fetched = [name for name, judge in networks.NETWORKS.items() if not judge.config.weights.startswith(PACKAGE)]
    assert list(weights.NETWORKS) == [*fetched, "lpips"]
    arguments = {action.dest: action for action in commands()["evaluate"]._actions}
    assert (arguments["network"].choices, arguments["protocol"].choices) == (evaluate.NETWORKS, evaluate.PROTOCOLS)


def test_help_explains_every_option() -> None:
    assert (
        list(commands())
        == list(COMMANDS)
        == ["encode", "decode", "generate", "evaluate", "demo", "crop", "import", "export", "push", "weights", "show"]
    )
    for name, command in commands().items():
        assert command.description and not command.allow_abbrev
        for action in command._actions:
            assert action.help, f"{name} {action.dest}"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0 and capsys.readouterr().out == f"smalti {__version__}\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "required: COMMAND"),
        (["tokenise"], "invalid choice: 'tokenise'"),
        (["encode", "folder"], "required: images, --out"),
        (
            ["encode", "folder", "x.png", "--out", "x.npz", "--batch-size", "0"],
            "--batch-size: '0' given, expected a whole",
        ),
        (["generate", "p", "--tokenizer", "t", "--out", "o", "--number", "-1"], "'-1' given, expected a whole number"),
        (["generate", "p", "--tokenizer", "t", "--out", "o", "--seed", "x"], "--seed: invalid int value: 'x'"),
        (["show", "folder", "--js"], "unrecognized arguments: --js"),
    ],
)
def test_a_wrong_command_line_ends_with_2(words: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2 and expected in capsys.readouterr().err


def test_errors_are_one_line_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(tmp_path / "no\nwhere")]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert said.err.startswith("error: ") and "no where: no such folder; give a published result" in said.err


@pytest.mark.parametrize(
    ("problem", "code", "expected"),
    [
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (OSError(28, "No space left on device"), 1, "error: No space left on device\n"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to ..."), 1, "error: out of memory on the device; take a"),
    ],
)
def test_how_it_ends(
    problem: BaseException,
    code: int,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(options: argparse.Namespace) -> None:
        raise problem

    monkeypatch.setattr(show, "run", fail)
    assert main(["show", "folder"]) == code
    assert capsys.readouterr().err.startswith(expected)


def test_what_is_no_error_of_the_user_is_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(options: argparse.Namespace) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(encode, "run", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        main(["encode", "folder", "x.png", "--out", "x.npz"])


@pytest.mark.parametrize("name", ["gpu", "cuda:99", ""])
def test_a_device_that_is_not_there(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^--device {name}: cannot be used \(.+\)$"):
        usable_device(name)
    assert usable_device("cpu") == "cpu"


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_shows_on_a_terminal_alone(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert list(progress(["a", "b"], total=5, size=3, unit="image")) == ["a", "b"]
    said = capsys.readouterr().err
    assert ("5/5" in said and "image" in said) if terminal else said == ""


def test_it_runs_as_a_module(tmp_path: Path, published: dict[str, Path], run: Callable[..., str]) -> None:
    """``python -m smalti`` from any folder, the paths relative to it."""
    here = subprocess.run(
        [sys.executable, "-m", "smalti", "show", published["decoder"].name],
        cwd=published["decoder"].parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert here.stdout == run("show", published["decoder"])
