"""Residual quantisation: each book codes what the ones before it left over (RQ-VAE, Lee et al. 2022)."""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from smalti.codebooks.quantizer import Quantized, Quantizer, count_codes, quantizer_class, straight_through
from smalti.config.codebooks import ResidualConfig


class ResidualCodebooks(Quantizer):
    """k codes a position: e_i is the row of book i nearest to z - e_1 - ... - e_(i-1); the latents become their sum.

    Book i's loss is that of its own kind for what it codes, so its commitment is |z - sg(e_1 + ... + e_i)|^2 (RQ-VAE
    eq. 8); the loss is the mean over the books. One table may serve as all books: a table of moving averages then
    moves k times an update, once for each book, as in RQ-VAE's code.
    """

    def __init__(self, books: Sequence[Quantizer], num_books: int) -> None:
        super().__init__()
        self.books = nn.ModuleList(books)  # k, or one that is shared
        self.num_books, self.num_codes, self.code_dim = num_books, books[0].num_codes, books[0].code_dim
        self.keeps_statistics = any(book.keeps_statistics for book in books)

    @classmethod
    def build(cls, config: ResidualConfig, code_dim: int, centres: Tensor | None) -> Self:
        """Returns books of ``code_dim`` channels each; ValueError for centres."""
        book, tables = quantizer_class(config.book), 1 if config.shared else config.num_books
        return cls([book.build(config.book, code_dim, centres) for _ in range(tables)], config.num_books)

    @classmethod
    def empty_published(cls, config: ResidualConfig, code_dim: int, num_codes: int) -> Self:
        """Returns the same books as empty tables."""
        book, tables = quantizer_class(config.book), 1 if config.shared else config.num_books
        return cls([book.empty_published(config.book, code_dim, num_codes) for _ in range(tables)], config.num_books)

    def parts(self) -> list[Quantizer]:
        """Returns the k books in their order; a shared one stands k times."""
        tables = [book for book in self.books if isinstance(book, Quantizer)]
        return tables if len(tables) == self.num_books else tables * self.num_books

    def encode(self, latents: Tensor) -> Tensor:
        tokens, left = [], latents.float()
        for book in self.parts():
            tokens.append(book.encode(left))
            left = left - book.decode(tokens[-1])
        return torch.stack(tokens, dim=1)

    def decode(self, tokens: Tensor) -> Tensor:
        return torch.stack([book.decode(part) for book, part in zip(self.parts(), tokens.unbind(1), strict=True)]).sum(
            0
        )

    def published(self) -> Self:
        """Returns the books as tables; what they were trained with is gone."""
        return type(self)([book.published() for book in self.books if isinstance(book, Quantizer)], self.num_books)

    def forward(self, latents: Tensor) -> Quantized:
        found, left = [], latents.float()
        for book in self.parts():
            found.append(book(left))
            left = left - found[-1].codes.detach()
        codes = torch.stack([result.codes for result in found]).sum(0)
        tokens = torch.stack([result.tokens for result in found], dim=1)
        return Quantized(
            latents=straight_through(latents.float(), codes),
            codes=codes,
            tokens=tokens,
            losses={f"{name}/{i}": term for i, result in enumerate(found) for name, term in result.losses.items()},
            loss=torch.stack([result.loss for result in found]).mean(),
            counts=count_codes(tokens, self.num_codes, self.num_books),
        )
