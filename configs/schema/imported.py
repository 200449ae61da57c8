"""Config of an imported stage: a released file in the place of a training."""

from dataclasses import dataclass, field
from typing import ClassVar

from configs.schema.runtime import RUNTIME, RuntimeConfig
from configs.schema.stage import Stage
from smalti.config.parsing import UNLESS_DEFAULT
from smalti.config.ranges import NonNegativeInt, PositiveInt
from smalti.config.weights import WEIGHTS


@dataclass(frozen=True, kw_only=True)
class ImportedConfig:
    """What pipeline.yaml says of a stage whose result is a file that others have released, with ``import: FILE``.

    Numbers are asked for where a format's files don't say them.
    """

    STAGE: ClassVar[Stage] = Stage(
        name="imported", version=1, needs=(), takes=("tokenizer", "data"), resumes=False, one_process=True,
        curves=None,
    )  # fmt: skip
    file: str = field(metadata=WEIGHTS)
    """The file; its sha256 is part of the key."""
    format: str
    """Whose file it is; smalti import --help lists them."""
    image_size: PositiveInt | None = field(default=None, metadata={"hash": UNLESS_DEFAULT})
    """Side of the images that a tokenizer was trained on, in pixels."""
    num_heads: PositiveInt | None = field(default=None, metadata={"hash": UNLESS_DEFAULT})
    """Attention heads of a prior."""
    num_classes: NonNegativeInt | None = field(default=None, metadata={"hash": UNLESS_DEFAULT})
    """Classes that a prior knows; 0 for none."""
    l2_normalize: NonNegativeInt | None = field(default=None, metadata={"hash": UNLESS_DEFAULT})
    """1 where rows and latents of IBQ have length 1."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig, metadata=RUNTIME)
    """Where and how fast the stage runs; no part of the key."""

    def settings(self) -> dict[str, int]:
        """Returns the numbers that are given, by name."""
        named = {name: getattr(self, name) for name in ("image_size", "num_heads", "num_classes", "l2_normalize")}
        return {name: value for name, value in named.items() if value is not None}
