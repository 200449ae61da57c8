"""What an autoregressive prior predicts at a position, one after another: the tokens of the books, or their parts.

B batch, k books, N positions, K codes, s sub-tokens.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from smalti.config.priors import ArPriorNetworkConfig, split_misfits


class WholeTokens:
    """Each of the k tokens of a position as it is: s = k sub-tokens of K codes each."""

    def __init__(self, num_books: int, num_codes: int) -> None:
        self.num_codes = (num_codes,) * num_books

    def split(self, tokens: Tensor) -> Tensor:
        """Returns sub-tokens (B, s, N) of tokens (B, k, N)."""
        return tokens

    def join(self, sub_tokens: Tensor) -> Tensor:
        """Returns tokens (B, k, N) of sub-tokens (B, s, N): the inverse of ``split``."""
        return sub_tokens


class SplitTokens(WholeTokens):
    """Tokens of one book as sub-tokens of so many ``bits`` each, the highest bits first (Open-MAGVIT2: 6 and 12).

    The first sub-token of a lookup-free code is its first 6 channels, the second one the other 12, as released. Within
    each, channel 0 is the highest bit here, as in the codes themselves; in the released code it is the lowest one.

    >>> split = SplitTokens([1, 2], num_books=1, num_codes=8)
    >>> split.split(torch.tensor([[[5, 3]]])).tolist()
    [[[1, 0], [1, 3]]]

    Raises:
        ValueError: several books, or bits that don't make up the codes.
    """

    def __init__(self, bits: Sequence[int], num_books: int, num_codes: int) -> None:
        for text in split_misfits(bits, num_books, num_codes):
            raise ValueError(text)
        self.num_codes = tuple(2**number for number in bits)

    def split(self, tokens: Tensor) -> Tensor:
        rest, parts = tokens.squeeze(1), []
        for number in reversed(self.num_codes):
            parts.append(rest % number)
            rest = rest // number
        return torch.stack(parts[::-1], dim=1)

    def join(self, sub_tokens: Tensor) -> Tensor:
        whole = torch.zeros_like(sub_tokens[:, 0])
        for number, part in zip(self.num_codes, sub_tokens.unbind(1), strict=True):
            whole = whole * number + part
        return whole[:, None]


def sub_tokens_of(config: ArPriorNetworkConfig, num_books: int, num_codes: int) -> WholeTokens:
    """Returns what ``config`` has a prior predict of tokens of so many books and codes."""
    return SplitTokens(config.split, num_books, num_codes) if config.split else WholeTokens(num_books, num_codes)
