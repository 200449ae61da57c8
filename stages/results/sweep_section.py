"""The report's section on the sweep of the samplers' settings."""

import json
from collections.abc import Mapping
from typing import Any

from smalti.artifact import Artifact
from smalti.config.dotted_settings import setting
from smalti.config.prior_kinds import PRIOR_KINDS
from stages.results.report_figures import Panel, panels
from stages.results.report_page import Section


def sweep_section(sweep: Artifact) -> Section:
    """Returns what was chosen for each prior beside what its search started from, and a curve of each setting that was
    varied."""
    found = json.loads(sweep.file("sweep.json").read_text())
    protocol, priors = found["protocol"], found["priors"]
    table = [["", "settings", protocol["generation_distance"], "own class", "forwards an image"]]
    for name, result in priors.items():
        for what, number in (("start", 0), ("chosen", result["chosen"])):
            tried = result["tried"][number]
            own = tried.get("class_agreement")
            table.append([
                f"{PRIOR_KINDS[name].title}, {what}", varied(result, number), f"{tried['frechet']:.3f}",
                f"{own['balanced']:.1%}" if own else "absent", f"{tried['forwards']:,}",
            ])  # fmt: skip
    text = (
        f"Settings were varied one after the other, and the best value of each was kept. Each point is the distance of "
        f"{protocol['number']:,} samples, of seed {protocol['seed']} and decoded by {protocol['decoder']}, to "
        f"{protocol['generation_reference']}; a cross marks the choice. The choice was made by these very samples: "
        "Scores has the distance of others."
    )
    pictures = [
        (PRIOR_KINDS[name].title, panels([curve(result, line, protocol) for line in result["lines"]]))
        for name, result in priors.items()
    ]
    return Section("Sweep of samplers' settings", text, tables=[("", table)], pictures=pictures)


def varied(result: Mapping[str, Any], number: int) -> str:
    """Returns those settings of a candidate that the search varied, in words."""
    names = dict.fromkeys(line["setting"] for line in result["lines"])
    return ", ".join(f"{name} {setting(result['tried'][number]['settings'], name)}" for name in names)


def curve(result: Mapping[str, Any], line: Mapping[str, Any], protocol: Mapping[str, Any]) -> Panel:
    """Returns the distances along a setting, by rising values where these are numbers, and where the choice lies."""
    along = zip(line["values"], line["tried"], strict=True)
    points = [(at, result["tried"][number]["frechet"], number) for at, number in along]
    if all(isinstance(at, int | float) and not isinstance(at, bool) for at, _, _ in points):
        points.sort()
    else:
        points = [(str(at), distance, number) for at, distance, number in points]
    marked = next((at, distance) for at, distance, number in points if number == line["chosen"])
    title = line["setting"] if line["pass"] == 1 else f"{line['setting']}, pass {line['pass']}"
    return Panel(
        f"{protocol['generation_distance']} by {title}", [(at, distance) for at, distance, _ in points], marked
    )
