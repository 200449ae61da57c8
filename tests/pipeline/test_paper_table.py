"""A table of rows: what it takes, and what somebody who writes it wrong is told."""

from pathlib import Path

import pytest

from pipeline.paper_table import read_table
from smalti.config.parsing import ConfigError

TABLE = """\
caption: a trial
shared:
  one: {tokenizer.training.updates: 30, tokenizer.autoencoder: {kind: seqgan}}
  two: {tokenizer.training.updates: 40}
each:
  recipe: smoke
  uses: [one]
  set: {data.val_fraction: 0.2, data.seed: 3}
  protocols: {rFID: unnamed}
  note: of all
  books: 1
  codes: 64
  positions: 64
rows:
  a: {expected: {rFID: 3}}
  b, longer: {uses: [two], set: {data.val_fraction: 0.4}, expected: {PSNR: 20}, protocols: {PSNR: psnr_y}, note: of b}
"""


def write(folder: Path, text: str = TABLE, **others: str) -> Path:
    """Writes a table and files beside it; returns the table."""
    folder.mkdir(exist_ok=True)
    for name, content in {"1": text, **others}.items():
        (folder / f"{name}.yaml").write_text(content)
    return folder / "1.yaml"


def test_a_row_adds_to_what_all_rows_have(tmp_path: Path) -> None:
    a, b = read_table(write(tmp_path / "own"), "own").values()
    assert (a.table, a.name, b.name, b.caption) == ("1", "a", "b, longer", "a trial")
    written = [[(f"{change.stage}.{change.key}", change.value) for change in row.changes] for row in (a, b)]
    one = [("tokenizer.training.updates", 30), ("tokenizer.autoencoder", {"kind": "seqgan"})]
    assert written[0] == [*one, ("data.val_fraction", 0.2), ("data.seed", 3)]
    assert written[1] == [*one, ("tokenizer.training.updates", 40), ("data.seed", 3), ("data.val_fraction", 0.4)]
    assert (a.config.note, b.config.note) == ("of all", "of b; of all")
    assert b.config.protocols == {"rFID": "unnamed", "PSNR": "psnr_y"} and b.config.expected == {"PSNR": 20}
    assert b.plain()["protocols"] == {"PSNR": "psnr_y"}, "of its own figures alone"
    assert (
        b.plain()["measured_here_as"] == {"PSNR": "reconstruction/PHASE/psnr_y"} and not a.plain()["measured_here_as"]
    )
    assert b.plain()["set"][-1] == "data.val_fraction=0.4" and "tokenizer.autoencoder={" in b.plain()["set"][1]


def test_tables_of_a_folder_share_changes(tmp_path: Path) -> None:
    others = "shared:\n  three: {data.seed: 5}\n"
    file = write(tmp_path, TABLE.replace("uses: [two]", "uses: [three]"), shared=others)
    assert [(change.stage, change.value) for change in read_table(file, "own")["b, longer"].changes][2] == ("data", 5)
    with pytest.raises(ConfigError, match=r"1\.yaml: shared: 'one' is also in .*shared\.yaml; rename one"):
        read_table(write(tmp_path, shared="shared:\n  one: {data.seed: 5}\n"), "own")


def test_a_recipe_beside_the_table_begins_with_a_dot(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pipeline.yaml").write_text("stages: {data: }\n")
    file = write(tmp_path / "own", TABLE.replace("recipe: smoke", "recipe: ../mine"))
    assert read_table(file, "own")["a"].recipe.resolve() == tmp_path / "mine"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("caption: a trial\n", "", "1.yaml: caption: missing; expected text"),
        ("caption:", "captoin:", "1.yaml: unknown key 'captoin'; did you mean 'caption'?"),
        ("  positions: 64\n", "", "1.yaml: a: positions: missing; expected a whole number"),
        ("positions: 64", "positions: 8x8", "1.yaml: a: positions: '8x8' given, expected a whole number"),
        ("{rFID: 3}", "{rFID: low}", "1.yaml: a: expected.rFID: 'low' given, expected a number"),
        ("{rFID: 3}", "{}", "1.yaml: a: expected: empty; a row states at least one figure"),
        ("{uses: [two],", "{use: [two],", "1.yaml: b, longer: unknown key 'use'; did you mean 'uses'?"),
        ("uses: [two]", "uses: [tow]", "1.yaml: b, longer: uses: unknown name 'tow'; did you mean 'two'?"),
        ("uses: [two]", "uses: two", "1.yaml: b, longer: uses: 'two' given, expected a list, each text"),
        (
            "set: {data.val_fraction: 0.4}",
            "set: [data.seed]",
            "b, longer: set: ['data.seed'] given, expected",
        ),
        ("set: {data.val_fraction: 0.4}", "set: {seed: 3}", "1.yaml: b, longer: 'seed': expected stage.key"),
        ("recipe: smoke", "recipe: smok", "1.yaml: a: recipe: unknown recipe 'smok'; did you mean 'smoke'?"),
        ("{PSNR: psnr_y}", "{SSIM: psnr_y}", "1.yaml: b, longer: protocols: unknown figure 'SSIM'; known: PSNR, rFID"),
        (
            "{PSNR: psnr_y}",
            "{PSNR: psnr_u}",
            "1.yaml: b, longer: protocols.PSNR: unknown protocol 'psnr_u'; did you mean 'psnr_y'?",
        ),
        ("b, longer:", "b/longer:", "1.yaml: b/longer: expected a name without a slash"),
        ("b, longer:", "100:", "1.yaml: rows: 100 given, expected text"),
        ("b, longer:", "a:", "1.yaml: line 16: not valid YAML (key 'a' stands twice, first in line "),
        ("{expected: {rFID: 3}}", "", "1.yaml: rows.a: None given, expected"),
        (
            "  a: {",
            "  a: {positions: 3, positions: 4, ",
            "line 15: not valid YAML (key 'positions' stands twice, first in line 15)",
        ),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, expected: str, tmp_path: Path) -> None:
    assert TABLE.count(old) == 1
    with pytest.raises(ConfigError) as caught:
        read_table(write(tmp_path, TABLE.replace(old, new)), "own")
    assert expected in str(caught.value) and "\n" not in str(caught.value)
