"""Scores of reconstructions and samples, measured through one judge network over all ranks."""

from collections.abc import Mapping, Sequence

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torchmetrics import CatMetric, Metric

from smalti.codebooks.quantizer import count_codes
from smalti.evaluation.pairs import Pairs
from smalti.evaluation.seen import Rows
from smalti.features import FeatureNetwork
from smalti.layers.frozen import Frozen
from smalti.metrics.codebook import CodebookUsage
from smalti.metrics.frechet import FeatureStatistics
from smalti.metrics.reconstruction import PIXEL_METRICS
from smalti.metrics.usage_window import WindowUsage
from smalti.pixels import from_uint8, to_uint8
from smalti.tokenizers.vq_tokenizer import VQTokenizer

Batch = dict[str, Tensor]


class Judge:
    """A feature network that sees images rounded to uint8, like anybody who opens the saved files."""

    def __init__(self, network: Frozen[FeatureNetwork], taps: Sequence[str]) -> None:
        self.network, self.taps = network, list(dict.fromkeys(taps))

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """Returns {tap: (B, C)}, averaged over positions, for images (B, 3, H, W) in [-1, 1]."""
        return self.network.network.vectors(from_uint8(to_uint8(images)), self.taps)


class LitReconstructionScores(LightningModule):
    """Tests tokenizers on val images: PSNR, SSIM, LPIPS, codebook usage, and the features for the Frechet distance.

    Where ``logits_tap`` is named, it also collects logits (B, 1008) for the Inception score.
    """

    def __init__(
        self,
        tokenizers: dict[str, Frozen[VQTokenizer]],
        judge: Judge,
        frechet_tap: str,
        classifier_tap: str,
        lpips: Mapping[str, Frozen[nn.Module]],
        num_tokens: int,
        logits_tap: str | None = None,
    ) -> None:
        """
        Args:
            lpips: by the name of its figure.
            num_tokens: positions N of an image.
        """
        super().__init__()
        quantizer = next(iter(tokenizers.values())).network.quantizer
        self.num_books, self.num_codes = quantizer.num_books, quantizer.num_codes
        self.tokenizers, self.judge, self.lpips = tokenizers, judge, lpips
        self.frechet_tap, self.classifier_tap, self.logits_tap = frechet_tap, classifier_tap, logits_tap
        width = judge.network.network.channels[frechet_tap]
        self.pairs = {name: Pairs(list(PIXEL_METRICS), lpips) for name in tokenizers}
        self.means: dict[str, dict[str, float]] = {}
        self.reference = FeatureStatistics(width)
        self.statistics = nn.ModuleDict({name: FeatureStatistics(width) for name in tokenizers})
        self.usage = CodebookUsage(self.num_books, self.num_codes)
        self.window_usage = WindowUsage(self.num_books, self.num_codes, num_tokens)
        self.features, self.labels, self.dropped, self.rows = CatMetric(), CatMetric(), CatMetric(), CatMetric()
        self.logits = nn.ModuleDict({name: CatMetric() for name in tokenizers} if logits_tap else {})

    def on_test_start(self) -> None:
        networks: list[Frozen[nn.Module]] = [*self.tokenizers.values(), self.judge.network, *self.lpips.values()]
        for network in networks:
            network.to(self.device)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        readable = batch["readable"]
        self.dropped.update(batch["index"][~readable].double())
        images = from_uint8(batch["images"][readable][:, 0])
        if not len(images):
            return
        features = self.judge(images)
        self.reference.update(features[self.frechet_tap])
        self.features.update(features[self.classifier_tap])
        self.labels.update(batch["labels"][readable].float())
        self.rows.update(batch["index"][readable].double())
        tokens = None
        for name, frozen in self.tokenizers.items():
            tokens = frozen.network.encode(images)
            decoded = from_uint8(to_uint8(frozen.network.decode(tokens)))
            self.pairs[name].update(decoded, images)
            features = self.judge(decoded)
            _metric(self.statistics, name).update(features[self.frechet_tap])
            if self.logits_tap:
                _metric(self.logits, name).update(features[self.logits_tap])
        assert tokens is not None
        self.usage.update(count_codes(tokens, self.num_codes, self.num_books))
        self.window_usage.update(batch["index"][readable], tokens)

    def on_test_epoch_end(self) -> None:
        compute_all(self)
        self.means = {name: pairs.means(self.device) for name, pairs in self.pairs.items()}

    def ordered_logits(self, name: str) -> Tensor:
        """Returns the logits of the reconstructions of one tokenizer, in the order of the images' index."""
        return _in_order(self.rows, _metric(self.logits, name))


class LitFeatureScores(LightningModule):
    """Tests plain images, real ones and samples: features for the Frechet distance, of those that a batch marks with
    ``compare``; image by image, of those marked with ``manifold``, for precision, recall, density and coverage; and for
    the classifier, of those marked with ``classify``.

    Where ``logits_tap`` is named, it also collects logits (B, 1008) for the Inception score.
    """

    def __init__(self, judge: Judge, frechet_tap: str, classifier_tap: str, logits_tap: str | None = None) -> None:
        super().__init__()
        self.logits_tap = logits_tap
        self.judge, self.frechet_tap, self.classifier_tap = judge, frechet_tap, classifier_tap
        width = judge.network.network.channels[frechet_tap]
        self.statistics = FeatureStatistics(width)
        self.near, self.numbers = Rows(width, torch.float32), Rows(1, torch.int64)
        self.manifold_features = torch.zeros(0, width)  # of all ranks, after the test, in the order of their images
        self.features, self.labels, self.logits, self.rows = CatMetric(), CatMetric(), CatMetric(), CatMetric()

    def on_test_start(self) -> None:
        self.judge.network.to(self.device)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        readable = batch["readable"]
        images = from_uint8(batch["images"][readable][:, 0])
        if not len(images):
            return
        features = self.judge(images)
        self.statistics.update(features[self.frechet_tap][batch["compare"][readable]])
        near = batch["manifold"][readable]
        self.near.add(features[self.frechet_tap][near])
        self.numbers.add(batch["index"][readable][near][:, None])
        if self.logits_tap:
            self.logits.update(features[self.logits_tap])
            self.rows.update(batch["index"][readable].double())
        classified = batch["classify"][readable]
        if classified.any():
            self.features.update(features[self.classifier_tap][classified])
            self.labels.update(batch["labels"][readable][classified].float())

    def on_test_epoch_end(self) -> None:
        compute_all(self)
        in_order = self.numbers.gather(self.device).flatten().argsort()
        self.manifold_features = self.near.gather(self.device)[in_order]

    def ordered_logits(self) -> Tensor:
        """Returns the logits in the order of their images, however these were split over the ranks."""
        return _in_order(self.rows, self.logits)


def compute_all(module: nn.Module) -> None:
    """Computes every metric of ``module`` over all ranks; each metric remembers its result.

    This can't wait: after the test Lightning moves the module to the CPU, from where NCCL gathers nothing.
    """
    for part in module.modules():
        if isinstance(part, Metric):
            part.compute()


def _in_order(rows: Metric, values: Metric) -> Tensor:
    order, found = rows.compute(), values.compute()
    assert isinstance(order, Tensor) and isinstance(found, Tensor)
    return found[order.argsort()]


def _metric(owner: nn.Module, name: str) -> Metric:
    metric = owner.get_submodule(name)
    assert isinstance(metric, Metric)
    return metric
