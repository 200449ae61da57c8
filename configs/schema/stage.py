"""The declaration of a stage."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What runner, doctor and report have to know of a stage: the constant ``STAGE`` of its config class.

    There are no defaults: whoever adds a stage decides each.
    """

    name: str
    """Its script is ``stages/<name>.py``, its config in a recipe ``<name>.yaml``."""
    version: int
    """Raised by hand whenever the meaning of the stage's output changes; part of the key."""
    needs: tuple[str, ...]
    """Inputs that it must have, each by the name of the stage that makes it."""
    takes: tuple[str, ...]
    """Inputs that it may have; ``init_from`` is an earlier result of the same stage."""
    resumes: bool
    """Whether a stopped one goes on where it was: SIGTERM then ends it with exit code 75, else with 143."""
    one_process: bool
    """Whether it works in a single process, without devices."""
    curves: str | None
    """Title of its training's curves in the report; None for a stage that trains nothing. Doctor tries one update of
    each stage that trains."""

    @property
    def trains(self) -> bool:
        """Whether the stage trains a network."""
        return self.curves is not None
