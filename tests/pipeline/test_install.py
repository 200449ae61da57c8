"""The application as ``make install`` leaves it: importable from anywhere, whatever a user's own folders are called."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from conftest import PROJECT
from tests_support import write_recipe

from pipeline.install import install


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder ``bin`` of an environment that ``install`` was called on, with the packages of this one: of a folder
    that a path file names the path files aren't read, so that nothing else leads to a clone."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = folder / "bin" / "python"
    install(site, folder / "bin", str(python))
    return folder / "bin"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's folder: a recipe over images of their own, and packages called as ours are."""
    write_recipe(tmp_path, {"cat": 5, "dog": 5})
    (tmp_path / "configs" / "schema").mkdir(parents=True)
    for name in ("configs/training.py", "metrics/scores.py", "callbacks/curves.py", "datamodules/images.py"):
        for file in (tmp_path / name, (tmp_path / name).with_name("__init__.py"), tmp_path / "configs/schema/data.py"):
            file.parent.mkdir(exist_ok=True)
            file.write_text("raise SystemExit('the wrong one')\n")
    (tmp_path / "recipe").rename(tmp_path / "configs" / "mine")
    (tmp_path / "images").rename(tmp_path / "configs" / "images")
    return tmp_path


def call(own: Path, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in the user's folder, in an environment that says nothing of the clone."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SMALTI"))}
    command = [str(word) for word in words]
    done = subprocess.run(
        command, cwd=own, env={**inherited, **environment}, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("path", ["", "."], ids=["plain", "own folder on PYTHONPATH"])
def test_the_runner(scripts: Path, own: Path, path: str) -> None:
    done = call(own, scripts / "python", "-m", "pipeline", "plan", own / "configs" / "mine", PYTHONPATH=path)
    first, second = done.stdout.splitlines()[:2]
    assert first.split()[:2] == ["data", "ready"] and second.split() == [
        "codebook",
        "waits",
        "-",
        "waits",
        "for",
        "data",
    ]


def test_the_runner_builds_a_stage(scripts: Path, own: Path) -> None:
    """In a process of its own, by a script of stages/."""
    words = ["-m", "pipeline", "run", "configs/mine", "--only", "data"]
    assert "1 stages up to date, 1 built" in call(own, scripts / "python", *words).stdout
    assert len(list((own / "runs" / "artifacts" / "data").glob("*/manifest.json"))) == 1


def test_lightning_run(scripts: Path, own: Path) -> None:
    words = ["run", "data", "--config", "configs/mine/data.yaml", "--accelerator", "cpu"]
    assert "data: " in call(own, scripts / "lightning", *words).stdout
    assert call(own, scripts / "lightning", *words).stdout.startswith("data: up to date, ")


def test_fabric_run_by_hand(scripts: Path, own: Path) -> None:
    words = ["run", "--accelerator", "cpu", PROJECT / "stages" / "data.py", "--config", "configs/mine/data.yaml"]
    assert "; published " in call(own, scripts / "fabric", *words).stdout


def test_fabric_run_of_a_foreign_script(scripts: Path, own: Path) -> None:
    """It is Lightning's command still, for any script."""
    (own / "rank.py").write_text("import os\nprint('rank', os.environ['RANK'], 'of', os.environ['WORLD_SIZE'])\n")
    said = call(own, scripts / "fabric", "run", "--accelerator", "cpu", "--devices", "2", "rank.py").stdout
    assert sorted(said.splitlines()) == ["rank 0 of 2", "rank 1 of 2"]


def test_fabric_run_names_a_missing_input_in_one_line(scripts: Path, own: Path) -> None:
    words = ["run", "--accelerator", "cpu", PROJECT / "stages/codebook.py", "--config", "configs/mine/codebook.yaml"]
    done = subprocess.run([scripts / "fabric", *words], cwd=own, capture_output=True, text=True, check=False)
    errors = [line for line in done.stderr.splitlines() if line]
    assert done.returncode == 1 and len(errors) == 1, done.stderr
    assert errors[0].startswith("error: codebook waits for data, which isn't published; run: python -m pipeline run")


def test_what_is_written(tmp_path: Path) -> None:
    """Twice is as once: a moved clone is installed anew."""
    for _ in range(2):
        install(tmp_path, tmp_path, "/some/where/bin/python")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["fabric", "lightning", "smalti_application.pth"]
    assert (tmp_path / "smalti_application.pth").read_text() == f"{PROJECT}\n"
    command = tmp_path / "lightning"
    assert command.read_text().startswith("#!/some/where/bin/python\nfrom pipeline.lightning_run import lightning\n")
    assert command.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("folder", ["with space", "long" * 40], ids=["space", "long"])
def test_an_environment_that_no_shebang_can_name(folder: str, tmp_path: Path) -> None:
    """The kernel cuts a shebang at a space and at 127 characters; pip's scripts go by a shell then, as ours do."""
    place = tmp_path / folder
    place.mkdir()
    (place / "python").symlink_to(sys.executable)
    install(place, place, str(place / "python"))
    done = call(tmp_path, place / "lightning", "run", "--help", PYTHONPATH=str(PROJECT))
    assert done.stdout.startswith("usage: lightning run STAGE")
