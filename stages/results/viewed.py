"""A recipe's networks, as views are drawn of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from smalti.artifact import Artifact
from smalti.priors.causal import CausalPrior
from smalti.tokenizers.vq_tokenizer import VQTokenizer, on_grid
from smalti.views.teacher_forcing import most_likely
from stages.results.published import check_tokenizer, load_prior, load_tokenizer


def books_of(tokens: Tensor, num_books: int) -> Tensor:
    """Returns tokens of a tokenizer, (B, h, w) or (B, k, h, w), as a prior takes them: (B, k, N).

    >>> books_of(torch.zeros(2, 3, 4), 1).shape, books_of(torch.zeros(2, 5, 3, 4), 5).shape
    (torch.Size([2, 1, 12]), torch.Size([2, 5, 12]))
    """
    return tokens.reshape(len(tokens), num_books, -1)


@dataclass(frozen=True)
class Viewed:
    """The tokenizer of a recipe with its last decoder, and its AR prior if it has one, on one device.

    ``name`` stands before the rows of a sheet of several recipes; ``batch`` is how many images are worked on at once.
    """

    name: str
    tokenizer: VQTokenizer
    prior: CausalPrior | None
    batch: int

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.tokenizer.parameters()).device

    @property
    def num_books(self) -> int:
        """k."""
        return self.tokenizer.quantizer.num_books

    def row(self, text: str) -> str:
        """Returns what a row of a sheet is called."""
        return f"{self.name}: {text}" if self.name else text

    @torch.no_grad()
    def tokens(self, images: Tensor) -> Tensor:
        """Returns the tokens of images (B, 3, H, W) in [-1, 1], on the networks' device."""
        return torch.cat([self.tokenizer.encode(part.to(self.device)) for part in images.split(self.batch)])

    @torch.no_grad()
    def decoded(self, tokens: Tensor) -> Tensor:
        """Returns the images of tokens, on the CPU."""
        return torch.cat([self.tokenizer.decode(part).cpu() for part in tokens.split(self.batch)])

    @torch.no_grad()
    def predicted(self, tokens: Tensor, labels: Tensor | None) -> Tensor:
        """Returns the tokens that the AR prior ranks first at each position, in the shape of ``tokens``; without
        ``labels`` those of no class."""
        assert self.prior
        if labels is None:
            labels = self.prior.classes.nothing(torch.zeros(len(tokens), dtype=torch.int64, device=self.device))
        books, wanted = books_of(tokens, self.num_books), labels.to(self.device)
        pairs = zip(books.split(self.batch), wanted.split(self.batch), strict=True)
        return on_grid(torch.cat([most_likely(self.prior, *pair) for pair in pairs]), tokens.shape[-2:])


def load_viewed(name: str, found: Mapping[str, Artifact], accelerator: str, batch: int) -> Viewed:
    """Returns the networks of a recipe from its results by stage, on a GPU where there is one and ``accelerator`` isn't
    cpu.

    Raises:
        ValueError: results that were made for another tokenizer.
    """
    others = [found[stage] for stage in ("decoder", "token_shards", "ar_prior", "samples") if stage in found]
    check_tokenizer(others, found["tokenizer"])
    device = torch.device("cuda" if accelerator != "cpu" and torch.cuda.is_available() else "cpu")
    tokenizer = load_tokenizer(found["decoder"] if "decoder" in found else found["tokenizer"]).to(device)
    prior = load_prior(found["ar_prior"]).to(device) if "ar_prior" in found else None
    assert prior is None or isinstance(prior, CausalPrior)
    return Viewed(name, tokenizer, prior, batch)
