"""Several codebooks, each with its own share of the latents (FQGAN)."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smalti.codebooks.quantizer import Quantized, Quantizer, quantizer_class
from smalti.config.codebooks import FactorisedConfig

Penalty = Callable[[Quantized, Quantized], Tensor]


def mean_squared_cosine(a: Tensor, b: Tensor) -> Tensor:
    """Returns the mean over positions of cos(a, b)^2 for a and b (B, D, h, w); 1/D for unrelated directions.

    >>> x, y = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1), torch.tensor([3.0, 3.0]).view(1, 2, 1, 1)
    >>> round(mean_squared_cosine(x, y).item(), 4)
    0.5
    """
    return F.cosine_similarity(a.float(), b.float(), dim=1).square().mean()


def encoder_penalty(a: Quantized, b: Quantized) -> Tensor:
    """Returns the squared cosine with gradient to the branches alone, as FQGAN's code has it."""
    return mean_squared_cosine(a.latents, b.latents)


def full_penalty(a: Quantized, b: Quantized) -> Tensor:
    """Returns the squared cosine with gradient to the branches and to the rows of the books, as FQGAN's text has it."""
    return mean_squared_cosine(a.codes + a.latents - a.latents.detach(), b.codes + b.latents - b.latents.detach())


PENALTIES: dict[str, Penalty] = {"encoder": encoder_penalty, "full": full_penalty}


def book_width(config: FactorisedConfig, code_dim: int) -> int:
    """Returns the channels of one book; ValueError if the latents don't divide by the number of books."""
    if code_dim % config.num_books:
        raise ValueError(f"latent_dim {code_dim} doesn't divide by num_books {config.num_books}")
    return code_dim // config.num_books


class FactorisedCodebooks(Quantizer):
    """k quantisers of one book each; the latents' channels are shared out in their order.

    ``disentangle`` (FQGAN section 3.2) is computed for each pair of books and averaged over the pairs.

    Raises:
        ValueError: books of different sizes: a token then has no common range.
    """

    def __init__(
        self, books: Sequence[Quantizer], names: Sequence[str], disentangle_weight: float, disentangle: Penalty
    ) -> None:
        super().__init__()
        self.names = tuple(names)
        sizes = {book.num_codes for book in books}
        if len(sizes) > 1:
            raise ValueError(f"books of {sorted(sizes)} codes: give all books the same number")
        self.books = nn.ModuleList(books)
        self.num_books, self.num_codes = len(books), sizes.pop()
        self.widths = [book.code_dim for book in books]
        self.code_dim = sum(self.widths)
        self.disentangle_weight, self.disentangle = disentangle_weight, disentangle
        self.keeps_statistics = any(book.keeps_statistics for book in books)

    @classmethod
    def build(cls, config: FactorisedConfig, code_dim: int, centres: Tensor | None) -> Self:
        """Returns books of ``code_dim`` / k channels each; ValueError if they don't divide, or for centres."""
        width = book_width(config, code_dim)
        books = [quantizer_class(config.book).build(config.book, width, centres) for _ in config.names]
        return cls(books, config.names, config.disentangle_weight, PENALTIES[config.disentangle])

    @classmethod
    def empty_published(cls, config: FactorisedConfig, code_dim: int, num_codes: int) -> Self:
        """Returns the same books as empty tables."""
        width, book = book_width(config, code_dim), quantizer_class(config.book)
        books = [book.empty_published(config.book, width, num_codes) for _ in config.names]
        return cls(books, config.names, 0.0, PENALTIES[config.disentangle])

    def parts(self) -> list[Quantizer]:
        """Returns the books."""
        return [book for book in self.books if isinstance(book, Quantizer)]

    def encode(self, latents: Tensor) -> Tensor:
        shares = latents.split(self.widths, dim=1)
        return torch.stack([book.encode(share) for book, share in zip(self.parts(), shares, strict=True)], dim=1)

    def decode(self, tokens: Tensor) -> Tensor:
        return torch.cat([book.decode(part) for book, part in zip(self.parts(), tokens.unbind(1), strict=True)], dim=1)

    def decode_books(self, tokens: Mapping[str, Tensor]) -> Tensor:
        """Returns latents (B, D, h, w) for the tokens (B, h, w) of each book, by name and in the books' order.

        Raises:
            ValueError: other names, or the books in another order: their codes mean nothing in each other's place.
        """
        if tuple(tokens) != self.names:
            raise ValueError(
                f"books {', '.join(tokens)} given; this tokenizer's are {', '.join(self.names)}, in that order"
            )
        return self.decode(torch.stack(list(tokens.values()), dim=1))

    def decode_alone(self, tokens: Tensor, book: int) -> Tensor:
        """Returns latents of one book, the mean code of the others in their place (FQGAN Figure 3)."""
        means = [
            part.decode(torch.arange(self.num_codes, device=tokens.device).view(1, 1, -1)) for part in self.parts()
        ]
        shares = [
            part.decode(tokens[:, i])
            if i == book
            else mean.mean(3, keepdim=True).expand(len(tokens), -1, *tokens.shape[2:])
            for i, (part, mean) in enumerate(zip(self.parts(), means, strict=True))
        ]
        return torch.cat(shares, dim=1)

    def published(self) -> Self:
        """Returns the books as tables; what they were trained with is gone."""
        return type(self)([book.published() for book in self.parts()], self.names, 0.0, self.disentangle)

    def forward(self, latents: Tensor) -> Quantized:
        shares = latents.split(self.widths, dim=1)
        found = [book(share) for book, share in zip(self.parts(), shares, strict=True)]
        losses = {f"{name}/{i}": term for i, result in enumerate(found) for name, term in result.losses.items()}
        loss = torch.stack([result.loss for result in found]).sum()
        if self.num_books > 1 and self.disentangle_weight:
            pairs = [self.disentangle(a, b) for a, b in combinations(found, 2)]
            losses["disentangle"] = torch.stack(pairs).mean()
            loss = loss + self.disentangle_weight * losses["disentangle"]
        return Quantized(
            latents=torch.cat([result.latents for result in found], dim=1),
            codes=torch.cat([result.codes for result in found], dim=1),
            tokens=torch.stack([result.tokens for result in found], dim=1),
            losses=losses,
            loss=loss,
            counts=torch.cat([result.counts for result in found]),
        )
