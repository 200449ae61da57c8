"""What was measured of settings that were tried, kept so that a stopped sweep goes on."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smalti.config.parsing import plain
from smalti.config.sampling import SamplingConfig

Figures = Mapping[str, Any]


class TriedSettings:
    """Figures of settings of each prior, in a JSON file that is whole at any moment."""

    def __init__(self, file: Path) -> None:
        """
        Raises:
            ValueError: the file is there and isn't what ``add`` wrote.
        """
        self.file = file
        self.entries: list[dict[str, Any]] = []
        if file.exists():
            try:
                self.entries = json.loads(file.read_text())
                self._by_settings()
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{file}: damaged ({error}); delete it, what it knew is drawn again") from error

    def find(self, prior: str, settings: SamplingConfig) -> Figures | None:
        """Returns the figures of a prior's settings, None if they weren't tried yet."""
        return self._by_settings().get(_name(prior, plain(settings)))

    def add(self, prior: str, settings: SamplingConfig, figures: Figures) -> None:
        """Keeps figures, on the disk when this returns."""
        self.entries.append({"prior": prior, "settings": plain(settings), "figures": dict(figures)})
        partial = self.file.with_suffix(".partial")
        with partial.open("w") as stream:
            json.dump(self.entries, stream)
            stream.flush()
            os.fsync(stream.fileno())
        partial.rename(self.file)

    def _by_settings(self) -> dict[str, Figures]:
        return {_name(entry["prior"], entry["settings"]): entry["figures"] for entry in self.entries}


def _name(prior: str, settings: Mapping[str, Any]) -> str:
    return json.dumps([prior, settings], sort_keys=True)
