"""Names of classes and functions in configs that import no torch."""

import importlib
from typing import Any


def load_name(name: str) -> Any:
    """Returns what ``module:name`` names; the module is imported now.

    >>> load_name("math:sqrt")(9)
    3.0
    """
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)
