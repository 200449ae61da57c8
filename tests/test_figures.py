"""Tests of the figures of ``make reliability``, by pytest on a project of two test files."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import figures


class Project:
    """A clone with two test files; each test writes its name into ``ran`` when it runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tests = folder / "tests"
        tests.mkdir(parents=True)
        (tests / "__init__.py").touch()
        (folder / "pytest.ini").write_text("[pytest]\npythonpath = .\naddopts = -q\n")
        (folder / "program.py").write_text("ANSWER = 1\n")
        shutil.copy(figures.__file__, tests)
        (tests / "conftest.py").write_text("from tests.figures import *\n")
        self.write("first", "record_property('kills', 3)")
        self.write("second", "record_property('kills', 4)")
        self.git("init", "-q")
        self.git("add", ".")
        self.git("-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x")

    def write(self, name: str, body: str) -> None:
        text = f"def test_{name}(record_property):\n    print('{name}', file=open('ran', 'a'))\n    {body}\n"
        (self.folder / "tests" / f"test_{name}.py").write_text(text)

    def git(self, *words: str) -> None:
        subprocess.run(["git", "-C", str(self.folder), *words], check=True)

    def run(self, *options: str) -> tuple[int, list[str], str]:
        """Returns the exit code, the tests that ran, in order, and the file of figures."""
        (self.folder / "ran").write_text("")
        command = [sys.executable, "-m", "pytest", *options, "--figures=figures.md", "tests"]
        code = subprocess.run(command, cwd=self.folder, capture_output=True).returncode
        file = self.folder / "figures.md"
        return code, (self.folder / "ran").read_text().split(), file.read_text() if file.exists() else ""


@pytest.mark.parametrize("options", [(), ("-n", "2", "--dist", "loadfile")])
def test_what_failed_or_changed_runs_again_and_the_figures_are_written_once_all_passed(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    project = Project(tmp_path / "project")
    project.write("second", "assert False")
    code, ran, text = project.run(*options)
    assert (code, sorted(ran), text) == (1, ["first", "second"], "")
    project.write("second", "record_property('kills', 4)")
    code, ran, text = project.run(*options)
    assert (code, ran) == (0, ["second"])
    assert "2 tests passed, none failed or was skipped" in text
    assert "| kills | 7 |" in text
    assert project.run(*options)[:2] == (0, [])
    (project.folder / "program.py").write_text("ANSWER = 2\n")
    code, ran, text = project.run(*options)
    assert (code, sorted(ran)) == (0, ["first", "second"])
    assert " with changes: 2 tests passed" in text


def test_nothing_is_written_if_a_test_was_skipped_and_what_others_wrote_below_stays(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    file = project.folder / "figures.md"
    file.write_text("# Old\n\n## Mutants\n\n12\n")
    project.write("second", "import pytest; pytest.skip('no SLURM')")
    assert project.run() == (1, ["first", "second"], "# Old\n\n## Mutants\n\n12\n")
    project.write("second", "pass")
    code, _, text = project.run()
    assert code == 0
    assert "| kills | 3 |" in text
    assert text.endswith("\n\n## Mutants\n\n12\n") and "# Old" not in text
