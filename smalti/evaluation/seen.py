"""What a network sees in a set of images: means and covariances, features, logits, and which images they were."""

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor, distributed

from smalti.collectives import gather_all, several_ranks
from smalti.metrics.frechet import FeatureStatistics, Statistics

THREADS = 4  # that hash images


def own_blocks(number: int, size: int) -> Iterator[tuple[int, int]]:
    """Yields (start, stop) of this rank's blocks of up to ``size`` of ``number`` images; every image is in one."""
    rank, world = (distributed.get_rank(), distributed.get_world_size()) if several_ranks() else (0, 1)
    for start in range(rank * size, number, world * size):
        yield start, min(start + size, number)


class Rows:
    """Rows of values (N, width), of this rank's images at first."""

    def __init__(self, width: int, dtype: torch.dtype) -> None:
        self.own = [torch.zeros(0, width, dtype=dtype)]

    def add(self, rows: Tensor) -> None:
        self.own.append(rows.cpu())

    def gather(self, device: torch.device) -> Tensor:
        """Returns those of all ranks, in the order of the ranks; a collective runs on ``device``."""
        return gather_all(torch.cat(self.own).to(device)).cpu()


class Digests:
    """Collects the sha256 of images, in their order. A few threads hash them, a batch each, while the network sees the
    next ones: hashlib lets other threads run meanwhile."""

    def __init__(self) -> None:
        self.pool, self.rows = ThreadPoolExecutor(THREADS), Rows(32, torch.uint8)
        self.waiting = deque[Future[Tensor]]()

    def add(self, images: Sequence[np.ndarray]) -> None:
        """Adds images (H, W, 3) uint8; waits if many are left from before, so that they don't fill the memory."""
        self.waiting.append(self.pool.submit(hashed, images))
        if len(self.waiting) > 2 * THREADS:
            self.rows.add(self.waiting.popleft().result())

    def gather(self, device: torch.device) -> Tensor:
        """Returns those of all ranks (N, 32) uint8, in the order of the ranks; a collective runs on ``device``."""
        while self.waiting:
            self.rows.add(self.waiting.popleft().result())
        self.pool.shutdown()
        return self.rows.gather(device)


def hashed(images: Sequence[np.ndarray]) -> Tensor:
    """Returns the sha256 of each image, uint8 (B, 32)."""
    digests = [hashlib.sha256(np.ascontiguousarray(image).data).digest() for image in images]
    return torch.tensor([list(digest) for digest in digests], dtype=torch.uint8)


class Seen:
    """Collects, on each rank, what is seen in its images.

    Kept of the images themselves are their digests: by these they are put into an order that doesn't depend on the one
    in which they came, and a set gets a digest of its own.
    """

    def __init__(
        self, widths: Mapping[str, int], summed: Sequence[str], kept: Sequence[str], device: torch.device
    ) -> None:
        """
        Args:
            widths: channels C of each tap.
            summed: taps of which mean and covariance are wanted.
            kept: taps whose features are kept, image by image.
        """
        self.device = device
        self.sums = {tap: FeatureStatistics(widths[tap]).to(device) for tap in summed}
        self.kept = {tap: Rows(widths[tap], torch.float32) for tap in kept}
        self.digests, self.places = Digests(), Rows(1, torch.int64)

    def update(self, images: Sequence[np.ndarray], start: int, features: Mapping[str, Tensor]) -> None:
        """Adds images (H, W, 3) uint8, of which the first is number ``start``, and their {tap: (B, C)}."""
        for tap, sums in self.sums.items():
            sums.update(features[tap])
        for tap, rows in self.kept.items():
            rows.add(features[tap])
        self.digests.add(images)
        self.places.add(torch.arange(start, start + len(images))[:, None])

    def gather(self) -> "SeenByAll":
        """Returns what all ranks have seen, on each of them."""
        in_order = self.places.gather(self.device).flatten().argsort()
        statistics = {}
        for tap, sums in self.sums.items():
            mean, covariance, number = sums.compute()
            statistics[tap] = Statistics(mean.cpu(), covariance.cpu(), number)
        features = {tap: rows.gather(self.device)[in_order] for tap, rows in self.kept.items()}
        return SeenByAll(statistics, features, self.digests.gather(self.device)[in_order])


class SeenByAll:
    """What all ranks have seen of a set of ``number`` images: ``statistics`` by tap, the set's ``digest``, and how many
    images were there ``repeated``."""

    def __init__(self, statistics: dict[str, Statistics], features: dict[str, Tensor], digests: Tensor) -> None:
        self.number, self.statistics, self._features = len(digests), statistics, features
        rows = [bytes(row) for row in digests.numpy()]
        self._by_content = torch.tensor(sorted(range(self.number), key=rows.__getitem__))
        self.digest = hashlib.sha256(b"".join(sorted(rows))).hexdigest()
        self.repeated = self.number - len(set(rows))

    def features(self, tap: str, as_given: bool = False) -> Tensor:
        """Returns features (N, C), in the order of the images' digests, or in the one in which the images came."""
        found = self._features[tap]
        return found if as_given else found[self._by_content]
