"""What an evaluation found, and by what: as JSON and as a table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smalti.evaluation.figures import Absent, or_none, reasons


@dataclass(frozen=True)
class Evaluation:
    """``figures`` by name, each a value or absent; the ``protocol`` they go by; and the ``sets`` that were seen."""

    protocol: Mapping[str, Any]
    sets: Mapping[str, Mapping[str, Any]]
    figures: Mapping[str, Any]

    def values(self) -> dict[str, Any]:
        """Returns everything as plain values; an absent figure is null, with its reason under ``absent``."""
        figures = {name: or_none(value) for name, value in self.figures.items()}
        return {"protocol": dict(self.protocol), **self.sets, "figures": figures, "absent": reasons(self.figures)}

    def json(self) -> str:
        return json.dumps(self.values(), indent=1) + "\n"

    def table(self) -> str:
        """Returns a line for each figure, below what was measured and how."""
        lines = []
        for role, said in self.sets.items():
            size = f"{said['number']} images, " if said.get("number") else ""
            lines.append(
                (role, f"{said['name']} ({size}{said['digest'][:16] if said.get('digest') else 'statistics'})")
            )
        lines += [(name, str(self.protocol[name])) for name in ("network", "protocol")]
        lines += [(name, _shown(value)) for name, value in self.figures.items()]
        width = max(len(name) for name, _ in lines)
        return "\n".join(f"{name:<{width}}  {text}" for name, text in lines)


def _shown(value: Any) -> str:
    if isinstance(value, Absent):
        return f"absent: {value.reason}"
    if isinstance(value, Mapping):
        spread = value.get("standard_error", value.get("std"))
        return f"{value['mean']:.6g} +- {spread:.2g}"
    return f"{value:.6g}"
