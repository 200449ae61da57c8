"""Fixtures: the published results of configs/smoke, opened by the library."""

from pathlib import Path

import pytest

from smalti import Prior, Tokenizer


@pytest.fixture(scope="session")
def published(smoke_runs: Path) -> dict[str, Path]:
    """The folder of each stage's result in configs/smoke; read only."""
    return {stage.name: next(stage.glob("[!.]*")) for stage in (smoke_runs / "artifacts").iterdir()}


@pytest.fixture(scope="session")
def tokenizer(published: dict[str, Path]) -> Tokenizer:
    """Phase 2's, whose tokens are phase 1's."""
    return Tokenizer.load(published["decoder"])


@pytest.fixture(scope="session", params=["ar", "nar"])
def prior(request: pytest.FixtureRequest, published: dict[str, Path], tokenizer: Tokenizer) -> Prior:
    """Each prior in turn."""
    return Prior.load(published[f"{request.param}_prior"], tokenizer)
