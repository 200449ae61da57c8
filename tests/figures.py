"""What the tests of reliability counted, as Markdown: ``pytest --figures FILE``.

They take an hour and more. So each test that passed is kept in pytest's cache, by the contents of the program and of
its own file, and the same command runs the others alone: those that failed, new ones, and all that a change may have
touched. The file is written once every test has passed.
"""

import datetime
import hashlib
import os
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TypedDict

import pytest

PROJECT = Path(__file__).resolve().parent.parent
KEPT = "smalti/reliability"


class Passed(TypedDict):
    """A test that passed: the ``contents`` that it depends on, its seconds, and the names and values it noted."""

    contents: str
    seconds: float
    noted: list[tuple[str, str]]


class Figures:
    """Keeps what each test noted as it passes, and writes all of it at the end."""

    def __init__(self, passed: "Kept", file: Path) -> None:
        self.passed, self.file = passed, file
        self.seconds: dict[str, float] = {}
        self.skipped: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid
        self.seconds[test] = self.seconds.get(test, 0) + report.duration
        if report.outcome != "passed":
            (self.skipped if report.outcome == "skipped" else self.failed).add(test)
        elif report.when == "teardown" and test not in self.skipped | self.failed:
            noted = [(name, str(value)) for name, value in report.user_properties]
            self.passed.add(test, {"contents": contents(test), "seconds": self.seconds[test], "noted": noted})

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self.skipped or exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            print(f"\n{self.file} not written: {len(self.failed)} tests failed, {len(self.skipped)} were skipped")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            return
        self.file.write_text(self.table() + sections(self.file))
        session.exitstatus = pytest.ExitCode.OK

    def table(self) -> str:
        passed = self.passed.on_these_contents()
        minutes = sum(test["seconds"] for test in passed.values()) / 60
        noted = [pair for _, test in sorted(passed.items()) for pair in test["noted"]]
        head = [
            "# Reliability",
            "",
            f"Counted by `make reliability` until {datetime.date.today()}, at commit {commit()}: {len(passed)} tests "
            f"passed, none failed or was skipped; {minutes:.0f} minutes of tests, two at a time on {os.cpu_count()} "
            "CPU cores.",
            "",
            "| what | figure |",
            "|---|---|",
        ]
        return "\n".join([*head, *(f"| {name} | {value} |" for name, value in added_up(noted).items())]) + "\n"


class Kept:
    """The tests that passed, by their ids, in pytest's cache."""

    def __init__(self, config: pytest.Config) -> None:
        if config.cache is None:
            raise pytest.UsageError("--figures keeps what passed in pytest's cache: leave out -p no:cacheprovider")
        self.cache = config.cache

    def on_these_contents(self) -> dict[str, Passed]:
        found: dict[str, Passed] = self.cache.get(KEPT, {})
        return {test: passed for test, passed in found.items() if passed["contents"] == contents(test)}

    def add(self, test: str, passed: Passed) -> None:
        self.cache.set(KEPT, self.on_these_contents() | {test: passed})


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--figures", type=Path, help="write what the tests of reliability counted, as Markdown")


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("--figures")
    if file and not hasattr(config, "workerinput"):  # of pytest-xdist, whose reports go to its controller
        config.pluginmanager.register(Figures(Kept(config), file))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Takes out what has passed on these contents."""
    if config.getoption("--figures"):
        passed = Kept(config).on_these_contents()
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in passed])
        items[:] = [item for item in items if item.nodeid not in passed]


@cache
def contents_of_the_program() -> dict[str, str]:
    """Returns the hash of each tracked file that is no text about the program."""
    names = git("ls-files", "-z").rstrip("\0").split("\0")
    files = [name for name in names if not name.startswith("docs/") and not name.endswith(".md")]
    there = [name for name in files if (PROJECT / name).is_file()]
    return {name: hashlib.sha256((PROJECT / name).read_bytes()).hexdigest() for name in there}


@cache
def contents(test: str) -> str:
    """Returns one hash of all that a test depends on: every file but those of other tests."""
    own = test.partition("::")[0]
    files = contents_of_the_program()
    others = {name for name in files if Path(name).name.startswith("test_") and name != own}
    return hashlib.sha256(repr(sorted(files.items() - {(name, files[name]) for name in others})).encode()).hexdigest()


def sections(file: Path) -> str:
    """Returns what a file says below its head: what others write there."""
    _, mark, rest = (file.read_text() if file.exists() else "").partition("\n## ")
    return mark + rest


def commit() -> str:
    """Returns the commit that is tested, and whether anything was changed since."""
    changed = " with changes" if git("status", "--porcelain", "--untracked-files=no").strip() else ""
    return git("rev-parse", "--short=12", "HEAD").strip() + changed


def git(*words: str) -> str:
    return subprocess.run(["git", "-C", str(PROJECT), *words], capture_output=True, text=True, check=True).stdout


def added_up(noted: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Returns a line for each name: counts of the same kind from several tests are added.

    >>> added_up([("kills", "3"), ("kills", "4"), ("memory", "+0.1%")])
    {'kills': '7', 'memory': '+0.1%'}
    """
    found: dict[str, str] = {}
    for name, text in noted:
        before = found.get(name)
        found[name] = str(int(before) + int(text)) if before is not None and text.isdigit() else text
    return found
