"""Who may import whom, read from the syntax trees."""

import ast
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "stages": {"lit_modules", "datamodules", "callbacks", "pipeline", "configs", "smalti"},
    "lit_modules": {"smalti", "configs"},
    "datamodules": {"smalti", "configs"},
    "callbacks": set(),
    "pipeline": {"configs", "smalti"},
    "configs": {"smalti"},
    "smalti": set(),
}
# What the schema and the runner may take of the library.
LIGHT = (
    "smalti.config", "smalti.seeds", "smalti.artifact", "smalti.byte_size", "smalti.error_line", "smalti.file_tree",
)  # fmt: skip
HEAVY = {"torch", "lightning", "numpy", "timm", "faiss", "torchvision"}


def modules(path: Path) -> set[str]:
    """Modules that a file imports, anywhere in it; of ``from a import b`` a."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


FILES = [path for package in ALLOWED for path in (PROJECT / package).rglob("*.py")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_imports_follow_the_layers(path: Path) -> None:
    package, *rooms = path.relative_to(PROJECT).parts
    top = {name.partition(".")[0] for name in modules(path)}
    own = top & ALLOWED.keys() - {package}
    assert own <= ALLOWED[package], f"{path} imports {own - ALLOWED[package]}"
    if package in ("configs", "pipeline"):
        library = {name for name in modules(path) if name.startswith("smalti")}
        assert all(name.startswith(LIGHT) for name in library), f"{path} imports {library}"
    if package == "configs" or (package == "smalti" and rooms[0] in ("config", "seeds.py", "artifact.py")):
        assert top <= {*sys.stdlib_module_names, "configs", "smalti"}
    if package == "pipeline":
        assert not top & HEAVY
    if package == "smalti":
        assert not top & {"lightning", "pytorch_lightning", "tensorboard"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_files_have_one_idea(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc"}


def test_the_runner_stays_small() -> None:
    """Store, graph, config and launcher: under 500 lines of code (blank lines, comments and docstrings apart)."""

    def lines_of_code(path: Path) -> int:
        tree = ast.parse(path.read_text())
        docs = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                docs |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
        lines = enumerate(path.read_text().splitlines(), 1)
        return sum(1 for n, line in lines if n not in docs and line.strip() and not line.strip().startswith("#"))

    assert (
        sum(lines_of_code(PROJECT / "pipeline" / f"{name}.py") for name in ("store", "graph", "config", "launcher"))
        < 500
    )


def test_no_stage_shadows_a_standard_module() -> None:
    assert not {path.stem for path in (PROJECT / "stages").glob("*.py")} & set(sys.stdlib_module_names)
