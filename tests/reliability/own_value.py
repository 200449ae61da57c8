"""A plugin of pytest for mutants.py: no test that reads the smoke chain, and what each took."""

import json
from pathlib import Path

import pytest

LEFT_OUT = ("smoke_runs", "smoke")
seconds: dict[str, float] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seconds", type=Path, help="where the seconds of each test are written")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left = [item for item in items if set(LEFT_OUT) & set(item.fixturenames) or _marked(item)]  # type: ignore[attr-defined]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


def _marked(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("slow", "gpu", "reliability"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    seconds[report.nodeid] = seconds.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        session.config.getoption("--seconds").write_text(json.dumps(seconds))
