"""Tokens that are known before anything is drawn: what a completion keeps."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from smalti.config.saved import SavedPrior


@dataclass(frozen=True)
class Given:
    """``tokens`` (B, k, N), of which those at the positions ``keep`` (N,) bool are kept; all books of a position are
    kept together."""

    tokens: Tensor
    keep: Tensor

    def prefix(self) -> int:
        """Returns how many positions are kept, counted in raster order from the first.

        Raises:
            ValueError: a position that is kept lies behind one that isn't.

        >>> Given(torch.zeros(1, 1, 3), torch.tensor([True, True, False])).prefix()
        2
        """
        number = int(self.keep.sum())
        if not bool(self.keep[:number].all()):
            raise ValueError(
                "keep: an autoregressive prior goes on from where the kept tokens end in raster order, and these are "
                "no beginning; keep whole rows from the top, or take a NAR prior"
            )
        return number


def check_kept(tokens: Tensor, keep: Tensor, grid: Sequence[int]) -> None:
    """Raises ValueError unless tokens and ``keep`` have the grid's positions, and ``keep`` is bool."""
    sides = tuple(grid)
    if tuple(tokens.shape[-2:]) != sides or tuple(keep.shape) != sides or keep.dtype != torch.bool:
        raise ValueError(
            f"tokens {tuple(tokens.shape)}, keep {keep.dtype} {tuple(keep.shape)}: both need {sides} positions, and "
            "keep is bool"
        )


def completed_labels(labels: Tensor | None, number: int, saved: SavedPrior) -> Tensor:
    """Returns the labels (B,) of so many images to be completed; without any all mean "no class", which is the number
    of classes itself.

    Raises:
        ValueError: another number of labels, or none for a prior that was never trained without.
    """
    if labels is None and saved.class_names and not saved.label_dropout:
        raise ValueError("classes: this prior was never trained without labels; name one for each image")
    if labels is None:
        return torch.full((number,), len(saved.class_names), dtype=torch.int64)
    if len(labels) != number:
        raise ValueError(f"classes: {len(labels)} given for {number} images")
    return labels
