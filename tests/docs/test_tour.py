"""The tour is executed, every cell of it, on the smoke recipe's results."""

from pathlib import Path

import nbformat
from conftest import PROJECT, SMOKE
from nbclient import NotebookClient

from smalti.artifact import Artifact

PLACES = 'RECIPE, RUNS = PROJECT / "configs" / "quickstart", PROJECT / "runs"'


def test_every_cell_runs(smoke_runs: Path, smoke: dict[str, Artifact]) -> None:
    """With pictures where there should be some; it ends well within its time."""
    tour = nbformat.read(PROJECT / "docs" / "tour.ipynb", as_version=4)
    (first,) = (cell for cell in tour.cells if PLACES in cell.source)
    first.source = first.source.replace(
        PLACES, f"from pathlib import Path; RECIPE, RUNS = Path({str(SMOKE)!r}), Path({str(smoke_runs)!r})"
    )
    NotebookClient(tour, timeout=180, resources={"metadata": {"path": str(PROJECT)}}).execute()
    shown = ["image/png" in output.get("data", {}) for cell in tour.cells for output in cell.get("outputs", [])]
    assert sum(shown) == 6
    texts = [output.get("text", "") for cell in tour.cells for output in cell.get("outputs", [])]
    assert any("phase 2" in text and " dB" in text for text in texts)
