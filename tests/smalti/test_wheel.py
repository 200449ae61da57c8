"""The wheel holds the library alone, and works where no clone is."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from conftest import PROJECT

from smalti.artifact import Artifact

USE = """
import configs, metrics, smalti, sys
assert configs.__file__.startswith(sys.argv[1]) and metrics.__file__.startswith(sys.argv[1])
assert not smalti.__file__.startswith(sys.argv[2]), smalti.__file__
tokenizer = smalti.Tokenizer.load(sys.argv[3])
prior = smalti.Prior.load(sys.argv[4], tokenizer)
images = prior.generate(classes=["flags", 3], seed=7)
tokens = tokenizer.encode(tokenizer.decode(tokenizer.encode(images)))
assert images.shape == (2, 3, 64, 64) and tokens.shape == (2, 8, 8)
tokenizer.save("my_tokenizer")
prior.save("my_prior")
again = smalti.Prior.load("my_prior", smalti.Tokenizer.load("my_tokenizer"))
assert again.generate(classes=["flags", 3], seed=7).equal(images)
assert not {"lightning", "pipeline", "stages"} & sys.modules.keys()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that pip builds from the files that git knows."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listing, cwd=PROJECT, capture_output=True, text=True, check=True)
    for name in filter(None, files.stdout.split("\0")):
        if name.startswith(("smalti/", "pyproject.toml", "README.md", "LICENSE")) and (PROJECT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((PROJECT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(source)], check=True, timeout=300)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the wheel, in an environment that has the packages of this one, but not the clone: of a folder that
    a path file names, the path files aren't read."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [
        "--python",
        str(folder / "bin" / "python"),
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--force-reinstall",
    ]
    subprocess.run([sys.executable, "-m", "pip", *install, str(wheel)], check=True, timeout=300)
    return folder / "bin" / "python"


def test_wheel_holds_the_library_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
        entry_points = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        commands = archive.read(entry_points).decode().split("\n")
    assert {top for top in tops if not top.endswith(".dist-info")} == {"smalti"}
    assert [line for line in commands if "=" in line] == ["smalti = smalti.commands:main"]


def test_library_works_beside_a_users_own_folders(python: Path, smoke: dict[str, Artifact], tmp_path: Path) -> None:
    for name in ("configs", "metrics"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    folders = [str(smoke[stage].path) for stage in ("decoder", "ar_prior")]
    use = [str(python), "-c", USE, str(tmp_path), str(PROJECT), *folders]
    subprocess.run(use, check=True, cwd=tmp_path, env=environment, timeout=300)
    command = [str(python.with_name("smalti")), "show", "my_prior", "--json"]
    shown = subprocess.run(command, check=True, cwd=tmp_path, env=environment, capture_output=True, timeout=300)
    assert json.loads(shown.stdout)["kind"] == "prior (AR prior)"


def test_import_costs_next_to_nothing() -> None:
    """No torch, no numpy: what takes the time is absent."""
    code = "import sys, smalti; print(sorted({'torch', 'numpy', 'PIL'} & sys.modules.keys()), smalti.__all__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] ['Prior', 'Tokenizer', '__version__', 'evaluate']\n"
