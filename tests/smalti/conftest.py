"""Fixtures: the published results of configs/smoke, opened by the library, and the command, called in this process."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SMOKE

from pipeline.graph import Recipe
from pipeline.store import Store
from smalti import Prior, Tokenizer
from smalti.commands import main


@pytest.fixture(scope="session")
def published(smoke_runs: Path) -> dict[str, Path]:
    """The folder of each stage's result in configs/smoke; read only."""
    found = Recipe(SMOKE).status(Store(smoke_runs))  # other recipes' results may lie beside its own
    return {stage: status.artifact.path for stage, status in found.items() if status.artifact}


@pytest.fixture(scope="session")
def tokenizer(published: dict[str, Path]) -> Tokenizer:
    """Phase 2's, whose tokens are phase 1's."""
    return Tokenizer.load(published["decoder"])


@pytest.fixture(scope="session", params=["ar", "nar"])
def prior(request: pytest.FixtureRequest, published: dict[str, Path], tokenizer: Tokenizer) -> Prior:
    """Each prior in turn."""
    return Prior.load(published[f"{request.param}_prior"], tokenizer)


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
