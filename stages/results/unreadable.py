"""Images that can't be read: how many a data set may have, and which they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.schema.data import DataConfig
from smalti.artifact import Artifact

SHOWN = 3  # names in a line; the file has all


@dataclass(frozen=True)
class Tolerance:
    """``share`` of ``number`` images that may be unreadable, and the ``file`` into which their names go."""

    share: float
    number: int
    file: Path

    @classmethod
    def of(cls, data: Artifact, number: int, file: Path) -> "Tolerance":
        """Returns what data.yaml says: data.max_unreadable."""
        return cls(data.facts.get("max_unreadable", DataConfig.max_unreadable), number, file)

    def check(self, names: Sequence[str]) -> None:
        """Writes the names of all unreadable images into the file.

        Raises:
            ValueError: there are too many.
        """
        if names:
            self.file.write_text("\n".join(names) + "\n", errors="surrogateescape")
        if problem := self.problem(names):
            raise ValueError(problem)

    def problem(self, names: Sequence[str]) -> str:
        """Returns what to do about so many unreadable images; "" if they are tolerated."""
        if len(names) <= self.share * self.number:
            return ""
        return (
            f"{len(names)} of {self.number} images can't be read, above data.max_unreadable {self.share}: "
            f"{self.some(names)}; mend them, or set data.max_unreadable to {self.enough(names)}"
        )

    def enough(self, names: Sequence[str]) -> str:
        """Returns a share that would do, rounded up to two digits."""
        needed = len(names) / self.number
        text = f"{needed:.2g}"
        return text if float(text) >= needed else f"{float(text) * 1.1:.2g}"

    def some(self, names: Sequence[str]) -> str:
        """Returns the first names, and where the others are."""
        more = f" and {len(names) - SHOWN} more, see {self.file}" if len(names) > SHOWN else ""
        return ", ".join(names[:SHOWN]) + more
