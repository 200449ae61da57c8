"""CONTRIBUTING.md names commands, files and import rules that exist."""

import ast
import re

from conftest import PROJECT

PAGE = (PROJECT / "CONTRIBUTING.md").read_text()


def test_the_house_is_that_of_the_import_rules() -> None:
    tree = ast.parse((PROJECT / "tests" / "test_layering.py").read_text())
    rules = next(
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ALLOWED"
    )
    allowed: dict[str, set[str]] = ast.literal_eval(rules)
    rows = re.findall(r"^\| `(\w+)/` \| .+ \| (.+) \|$", PAGE, re.M)
    assert {folder for folder, _ in rows} == allowed.keys()
    for folder, imports in rows:
        named = {name.partition(".")[0] for name in re.findall(r"`([\w.]+)`", imports)}
        assert imports in ("nothing of ours", "all of the above") or named == allowed[folder]
        assert imports != "nothing of ours" or not allowed[folder]
        assert imports != "all of the above" or allowed[folder] == allowed.keys() - {folder}


def test_each_target_of_make_exists() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    targets = set(re.findall(r"`make ([\w-]+)`", PAGE)) | set(re.findall(r"^make ([\w-]+)", PAGE, re.M))
    assert targets >= {"install", "lint", "test", "reliability"}
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_each_file_exists() -> None:
    names = set(re.findall(r"\b(?:tests|configs|docs)/[\w./]*\w|\.ci/run", PAGE))
    assert names >= {"tests/golden/write.py", "docs/reliability.md", "configs/smoke", ".ci/run"}
    for name in names - {"docs/extending.md"}:
        assert (PROJECT / name).exists(), name
