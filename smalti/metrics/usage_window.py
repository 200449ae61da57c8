"""Codebook usage among a fixed number of tokens, as tokenizers of the LlamaGen family report it."""

import math

import torch
from torch import Tensor
from torchmetrics import Metric

from smalti.seeds import mix

WINDOW = 65_536
NEVER = torch.iinfo(torch.int64).max


def place_of(image: int) -> int:
    """Returns an image's place in a fixed shuffle of all images: the lower, the earlier."""
    return mix("usage window", image)


class WindowUsage(Metric):
    """Share of the codes of each book that occur among ``window`` tokens of it.

    LlamaGen and FQGAN count distinct codes among the last 65,536 tokens that one device saw of a shuffled training set.
    Here they are the tokens of the first images of a fixed shuffle, each image's in raster order: the same ones however
    the images come, and on however many ranks. Even uniform draws hit no more than 1 - (1 - 1/K)^65536 of K codes:
    98.2 % of 16,384, 86.5 % of 32,768.
    """

    full_state_update = False
    places: Tensor
    tokens: Tensor

    def __init__(self, num_books: int, num_codes: int, num_tokens: int, window: int = WINDOW) -> None:
        """
        Args:
            num_tokens: positions N of an image.
        """
        super().__init__()
        self.num_codes, self.window = num_codes, window
        self.num_images = -(-window // num_tokens)
        places = torch.full((self.num_images,), NEVER)
        tokens = torch.zeros(self.num_images, num_books, num_tokens, dtype=torch.int32)
        self.add_state("places", places, dist_reduce_fx=None)  # gathered as (ranks, images)
        self.add_state("tokens", tokens, dist_reduce_fx=None)

    def update(self, images: Tensor, tokens: Tensor) -> None:
        """Adds the tokens (B, h, w) or (B, k, h, w) of the images of these indices (B,), each once."""
        own = self.tokens.shape[1:]
        places = torch.tensor([place_of(image) for image in images.tolist()], device=self.places.device)
        places = torch.cat([self.places, places])
        merged = torch.cat([self.tokens, tokens.reshape(-1, *own).to(self.tokens)])
        first = places.argsort()[: self.num_images]
        self.places, self.tokens = places[first], merged[first]

    def compute(self) -> list[float]:
        """Returns the usage of each book; NaN if the images have fewer tokens than the window."""
        places, tokens = self.places.flatten(), self.tokens.flatten(0, -3)
        first = places.argsort()[: self.num_images]
        if (places[first] == NEVER).any():
            return [math.nan] * tokens.shape[1]
        books = tokens[first].movedim(1, 0).flatten(1)[:, : self.window].long()
        return [book.unique().numel() / self.num_codes for book in books]
