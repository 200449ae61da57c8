"""The curves of a training, as its stage published them."""

import csv
from pathlib import Path


def read_curves(path: Path) -> dict[str, list[tuple[float, float]]]:
    """Returns {name: [(update, value)]} of a curves.csv."""
    series: dict[str, list[tuple[float, float]]] = {}
    with path.open(newline="") as stream:
        for row in csv.DictReader(stream):
            for name, value in row.items():
                if value and name != "update":
                    series.setdefault(name, []).append((float(row["update"]), float(value)))
    return series
