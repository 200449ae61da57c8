"""Data order as a function of the global sample position alone.

Position p is the p-th sample that a training sees, over all ranks: sample p % M of epoch p // M. To resume is to start
at another position, and the order doesn't depend on the number of devices.
"""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from smalti.seeds import mix


class GlobalSampler(Sampler[int]):
    """Endless positions for one rank, from the global position ``start`` on.

    Rank r takes the r-th block of each micro-batch of ``batch_size * world_size`` consecutive positions.
    """

    def __init__(self, start: int, batch_size: int, rank: int, world_size: int) -> None:
        """
        Args:
            start: global position of the first sample, over all ranks.
            batch_size: that of one rank.
        """
        self.start, self.batch_size, self.rank, self.world_size = start, batch_size, rank, world_size

    def __iter__(self) -> Iterator[int]:
        first = self.start + self.rank * self.batch_size
        while True:
            yield from range(first, first + self.batch_size)
            first += self.batch_size * self.world_size


class Permutations:
    """The permutation of each epoch, seeded by (seed, epoch)."""

    def __init__(self, length: int, seed: int) -> None:
        self.length, self.seed = length, seed
        self._epoch, self._order = -1, np.zeros(0, dtype=np.int64)

    def __getitem__(self, position: int) -> int:
        """Returns the number, below ``length``, of the sample at a global position."""
        epoch, offset = divmod(position, self.length)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = np.random.Generator(np.random.PCG64(mix(self.seed, "epoch", epoch))).permutation(self.length)
        return int(self._order[offset])


class StridedSampler(Sampler[int]):
    """Every ``world_size``-th of ``indices``, starting with the rank's own: each exactly once over all ranks, without
    padding."""

    def __init__(self, indices: np.ndarray, rank: int, world_size: int) -> None:
        self.own = indices[rank::world_size]

    def __iter__(self) -> Iterator[int]:
        return iter(self.own.tolist())

    def __len__(self) -> int:
        return len(self.own)
