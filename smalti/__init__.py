"""smalti: semantic VQ image tokenizers and the priors that generate images from their tokens.

    import smalti
    tokenizer = smalti.Tokenizer.load("runs/artifacts/decoder/KEY")  # or a folder that save() wrote
    tokens = tokenizer.encode(tokenizer.read("cat.png"))
    prior = smalti.Prior.load("runs/artifacts/ar_prior/KEY", tokenizer)
    images = prior.generate(classes=["flags", 3], seed=7, guidance=2.5)
    print(smalti.evaluate("samples.npz", "val_images", network="dinov2").table())

Importing it costs next to nothing: a name is loaded, and torch with it, when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smalti.evaluation.evaluate import evaluate
    from smalti.prior import Prior
    from smalti.tokenizer import Tokenizer

__version__ = "0.2.0"
__all__ = ["Prior", "Tokenizer", "__version__", "evaluate"]
_HOMES = {
    "Prior": "smalti.prior", "Tokenizer": "smalti.tokenizer", "evaluate": "smalti.evaluation.evaluate",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'smalti' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
