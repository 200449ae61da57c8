"""How tests give the command: in this process, as a shell would."""

from collections.abc import Callable

import pytest

from smalti.commands import main


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """``run(*words)`` returns what the command prints; it must succeed without a word on stderr."""

    def call(*words: object) -> str:
        capsys.readouterr()
        code, said = main([str(word) for word in words]), capsys.readouterr()
        assert code == 0 and said.err == "", said.err
        return said.out

    return call


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """``refusal(*words)`` returns the one line on stderr; the command must fail with code 1."""

    def call(*words: object) -> str:
        capsys.readouterr()
        code, said = main([str(word) for word in words]), capsys.readouterr()
        assert code == 1 and said.out == "" and said.err.startswith("error: ") and said.err.count("\n") == 1, said
        return said.err.removeprefix("error: ").rstrip("\n")

    return call
