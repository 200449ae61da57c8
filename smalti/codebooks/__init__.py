"""Codebooks behind one interface; a recipe chooses by ``kind``."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from smalti.codebooks.factorised import PENALTIES, FactorisedCodebooks
from smalti.codebooks.frozen import FrozenCodebook
from smalti.codebooks.learned import LearnedCodebook, LearnedCosine
from smalti.codebooks.moving import EmaCodebook
from smalti.codebooks.nearest import NearestCode
from smalti.codebooks.projected import ProjectedCosine, ProjectedL2
from smalti.codebooks.quantizer import Quantized, Quantizer
from smalti.codebooks.reestimated import KMeansCodebook
from smalti.config import codebooks
from smalti.config.codebooks import FactorisedConfig, QuantizerConfig

__all__ = [
    "FactorisedCodebooks", "FrozenCodebook", "NearestCode", "Quantized", "Quantizer", "build_quantizer",
    "empty_published",
]  # fmt: skip

# Quantisers that need no centres, by the kind of their config.
BUILDERS: dict[type, Callable[[Any, int], Quantizer]] = {
    codebooks.LearnedCodebookConfig: LearnedCodebook,
    codebooks.LearnedCosineConfig: LearnedCosine,
    codebooks.EmaCodebookConfig: EmaCodebook,
    codebooks.KMeansCodebookConfig: KMeansCodebook,
}
PROJECTED = {codebooks.ProjectedL2Config: ProjectedL2, codebooks.ProjectedCosineConfig: ProjectedCosine}
# Published as they are: there is no single table.
KEPT = (codebooks.ResidualConfig, codebooks.LookupFreeConfig, codebooks.FiniteScalarConfig)


def book_dim(config: FactorisedConfig, code_dim: int) -> int:
    """Returns the channels of one book.

    Raises:
        ValueError: the latents don't divide by the number of books.
    """
    if code_dim % config.num_books:
        raise ValueError(f"latent_dim {code_dim} doesn't divide by num_books {config.num_books}")
    return code_dim // config.num_books


def build_quantizer(config: QuantizerConfig, code_dim: int, centres: Tensor | None) -> Quantizer:
    """Returns the quantiser that ``config`` names; ``centres`` (K, C) come from stage codebook.

    Raises:
        ValueError: a projected codebook without centres, or centres that no quantiser would use.
    """
    projected = PROJECTED.get(type(config))
    if projected is not None:
        if centres is None:
            raise ValueError(f"quantizer kind {config.kind!r} needs the input 'codebook'; name it in pipeline.yaml")
        return projected(config, code_dim, centres)  # type: ignore[arg-type]
    if centres is not None:
        raise ValueError(f"quantizer kind {config.kind!r} has no use for the input 'codebook'; take it out")
    if isinstance(config, FactorisedConfig):
        width = book_dim(config, code_dim)
        books = [build_quantizer(config.book, width, None) for _ in config.names]
        return FactorisedCodebooks(books, config.names, config.disentangle_weight, PENALTIES[config.disentangle])
    if isinstance(config, KEPT):
        return build_library_quantizer(config, code_dim)
    return BUILDERS[type(config)](config, code_dim)


def build_library_quantizer(
    config: codebooks.ResidualConfig | codebooks.LookupFreeConfig | codebooks.FiniteScalarConfig, code_dim: int
) -> Quantizer:
    """Returns a quantiser of vector-quantize-pytorch, which takes seconds to import, for those alone who use it."""
    if isinstance(config, codebooks.ResidualConfig):
        from smalti.codebooks.residual import ResidualCodebooks

        return ResidualCodebooks(config, code_dim)
    from smalti.codebooks.implicit import FiniteScalar, LookupFree

    return (
        LookupFree(config, code_dim)
        if isinstance(config, codebooks.LookupFreeConfig)
        else FiniteScalar(config, code_dim)
    )


def empty_published(config: QuantizerConfig, code_dim: int, num_codes: int) -> Quantizer:
    """Returns the quantiser that ``published()`` gives for ``config``, not filled yet."""
    if isinstance(config, KEPT):
        return build_quantizer(config, code_dim, None)
    if isinstance(config, FactorisedConfig):
        width = book_dim(config, code_dim)
        books = [FrozenCodebook(num_codes, width) for _ in config.names]
        return FactorisedCodebooks(books, config.names, 0.0, PENALTIES[config.disentangle])
    return FrozenCodebook(num_codes, code_dim)
