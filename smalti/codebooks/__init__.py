"""Codebooks behind one interface; a recipe chooses by ``kind``, and each config names its quantiser."""

from torch import Tensor

from smalti.codebooks.factorised import FactorisedCodebooks
from smalti.codebooks.frozen import FrozenCodebook
from smalti.codebooks.nearest import NearestCode
from smalti.codebooks.quantizer import Quantized, Quantizer, quantizer_class
from smalti.config.codebooks import QuantizerConfig

__all__ = [
    "FactorisedCodebooks", "FrozenCodebook", "NearestCode", "Quantized", "Quantizer", "build_quantizer",
    "empty_published",
]  # fmt: skip


def build_quantizer(config: QuantizerConfig, code_dim: int, centres: Tensor | None) -> Quantizer:
    """Returns the quantiser that ``config`` names, to be trained; ``centres`` (K, C) come from stage codebook.

    Raises:
        ValueError: a projected codebook without centres, or centres that no quantiser would use.
    """
    return quantizer_class(config).build(config, code_dim, centres)


def empty_published(config: QuantizerConfig, code_dim: int, num_codes: int) -> Quantizer:
    """Returns the quantiser that ``published()`` gives for ``config``, not filled yet."""
    return quantizer_class(config).empty_published(config, code_dim, num_codes)
