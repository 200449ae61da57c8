"""Codebooks behind one interface; a recipe chooses by ``kind``."""

from torch import Tensor

from configs.architecture import LearnedCodebookConfig, ProjectedCosineConfig, QuantizerConfig
from networks.quantizers.frozen import FrozenCodebook
from networks.quantizers.learned import LearnedCodebook
from networks.quantizers.projected import ProjectedCosine, ProjectedL2
from networks.quantizers.quantizer import Quantized, Quantizer

__all__ = ["FrozenCodebook", "Quantized", "Quantizer", "build_quantizer"]


def build_quantizer(config: QuantizerConfig, code_dim: int, centres: Tensor | None) -> Quantizer:
    """Returns the quantiser that ``config`` names; ``centres`` (K, C) come from stage codebook.

    Raises:
        ValueError: a projected codebook without centres.
    """
    if isinstance(config, LearnedCodebookConfig):
        return LearnedCodebook(config, code_dim)
    if centres is None:
        raise ValueError(f"quantizer kind {config.kind!r} needs the input 'codebook'; name it in pipeline.yaml")
    if isinstance(config, ProjectedCosineConfig):
        return ProjectedCosine(config, code_dim, centres)
    return ProjectedL2(config, code_dim, centres)
