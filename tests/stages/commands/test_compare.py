"""``python -m pipeline compare`` on published results."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PROJECT, SMOKE

from pipeline.commands import parse
from smalti.artifact import Artifact
from stages.commands.compare import main


def test_table_page_and_csv(
    smoke_runs: Path, smoke: dict[str, Artifact], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    stages = "\n".join((SMOKE / "pipeline.yaml").read_text().splitlines())
    (tmp_path / "other" / "pipeline.yaml").write_text(stages)
    for file in SMOKE.glob("[!p]*.yaml"):
        (tmp_path / "other" / file.name).write_text(file.read_text())
    page, table = tmp_path / "page.html", tmp_path / "table.csv"
    words = ["compare", str(SMOKE), str(tmp_path / "other"), "--runs", str(smoke_runs)]
    assert main(parse([*words, "--csv", str(table), "--html", str(page)])) == 0
    said = capsys.readouterr().out
    found = json.loads(smoke["scores"].file("scores.json").read_text())
    psnr = found["reconstruction"]["phase1"]["psnr"]
    assert said.count(f"{psnr:.4g}") == 2 and "ar/phase2" in said
    rows = list(csv.DictReader(table.open()))
    assert {row["recipe"] for row in rows} == {"smoke", "other"}
    assert [float(row["value"]) for row in rows if (row["of"], row["figure"]) == ("phase1", "psnr")] == [psnr, psnr]
    html = page.read_text()
    with pytest.raises(ValueError, match=r"--figures: unknown figure 'psmr'; did you mean 'psnr'\?"):
        main(parse([*words, "--figures", "psnr", "psmr"]))
    assert html.count("data:image/png") >= 2 * 2 + 1 + 2 * 5 and "smoke phase2" in html and "other: " in html


def test_what_is_missing_is_one_line(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "pipeline", "compare", str(SMOKE), "--runs", str(tmp_path)]
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ") and "scores isn't published; run: python -m pipeline run" in done.stderr
