"""Scores of reconstructions and samples, measured through one judge network over all ranks."""

from collections.abc import Sequence

from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torchmetrics import CatMetric, MeanMetric, Metric

from smalti.codebooks.quantizer import count_codes
from smalti.features import FeatureNetwork
from smalti.layers.frozen import Frozen
from smalti.metrics.codebook import CodebookUsage
from smalti.metrics.frechet import FeatureStatistics
from smalti.metrics.reconstruction import peak_signal_to_noise, structural_similarity
from smalti.pixels import from_uint8, to_uint8
from smalti.tokenizers.vq_tokenizer import VQTokenizer

Batch = dict[str, Tensor]


class Judge:
    """A feature network that sees images rounded to uint8, like anybody who opens the saved files."""

    def __init__(self, network: Frozen[FeatureNetwork], taps: Sequence[str]) -> None:
        self.network, self.taps = network, list(dict.fromkeys(taps))

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """Returns {tap: (B, C)}, averaged over positions, for images (B, 3, H, W) in [-1, 1]."""
        rounded = from_uint8(to_uint8(images))
        features = self.network(rounded, self.taps)
        return {tap: value.mean(dim=(2, 3)) if value.ndim == 4 else value for tap, value in features.items()}


class LitReconstructionScores(LightningModule):
    """Tests tokenizers on val images: PSNR, SSIM, LPIPS, codebook usage, and the features for the Frechet distance."""

    def __init__(
        self,
        tokenizers: dict[str, Frozen[VQTokenizer]],
        judge: Judge,
        frechet_tap: str,
        classifier_tap: str,
        lpips: Frozen[nn.Module] | None,
    ) -> None:
        super().__init__()
        quantizer = next(iter(tokenizers.values())).network.quantizer
        self.num_books, self.num_codes = quantizer.num_books, quantizer.num_codes
        self.tokenizers, self.judge, self.lpips = tokenizers, judge, lpips
        self.frechet_tap, self.classifier_tap = frechet_tap, classifier_tap
        width = judge.network.network.channels[frechet_tap]
        metrics = ["psnr", "ssim", *(["lpips"] if lpips else [])]
        self.means = nn.ModuleDict(
            {name: nn.ModuleDict({metric: MeanMetric() for metric in metrics}) for name in tokenizers}
        )
        self.reference = FeatureStatistics(width)
        self.statistics = nn.ModuleDict({name: FeatureStatistics(width) for name in tokenizers})
        self.usage = CodebookUsage(self.num_books, self.num_codes)
        self.features, self.labels, self.dropped = CatMetric(), CatMetric(), CatMetric()

    def on_test_start(self) -> None:
        networks: list[Frozen[nn.Module]] = [*self.tokenizers.values(), self.judge.network]
        if self.lpips:
            networks.append(self.lpips)
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
        tokens = None
        for name, frozen in self.tokenizers.items():
            tokens = frozen.network.encode(images)
            decoded = frozen.network.decode(tokens)
            values = {"psnr": peak_signal_to_noise(decoded, images), "ssim": structural_similarity(decoded, images)}
            if self.lpips:
                values["lpips"] = self.lpips(from_uint8(to_uint8(decoded)), images).flatten()
            for metric, value in values.items():
                _metric(self.means[name], metric).update(value)
            _metric(self.statistics, name).update(self.judge(decoded)[self.frechet_tap])
        assert tokens is not None
        self.usage.update(count_codes(tokens, self.num_codes, self.num_books))

    def on_test_epoch_end(self) -> None:
        compute_all(self)


class LitFeatureScores(LightningModule):
    """Tests plain images, real ones and samples: features for the Frechet distance, of those that a batch marks with
    ``compare``, and for the classifier, of those marked with ``classify``.

    Where ``logits_tap`` is named, it also collects logits (B, 1008) for the Inception score.
    """

    def __init__(self, judge: Judge, frechet_tap: str, classifier_tap: str, logits_tap: str | None = None) -> None:
        super().__init__()
        self.logits_tap = logits_tap
        self.judge, self.frechet_tap, self.classifier_tap = judge, frechet_tap, classifier_tap
        self.statistics = FeatureStatistics(judge.network.network.channels[frechet_tap])
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
        if self.logits_tap:
            self.logits.update(features[self.logits_tap])
            self.rows.update(batch["index"][readable].double())
        classified = batch["classify"][readable]
        if classified.any():
            self.features.update(features[self.classifier_tap][classified])
            self.labels.update(batch["labels"][readable][classified].float())

    def on_test_epoch_end(self) -> None:
        compute_all(self)

    def ordered_logits(self) -> Tensor:
        """Returns the logits in the order of their images, however these were split over the ranks."""
        rows, logits = self.rows.compute(), self.logits.compute()
        assert isinstance(rows, Tensor) and isinstance(logits, Tensor)
        return logits[rows.argsort()]


def compute_all(module: nn.Module) -> None:
    """Computes every metric of ``module`` over all ranks; each metric remembers its result.

    This can't wait: after the test Lightning moves the module to the CPU, from where NCCL gathers nothing.
    """
    for part in module.modules():
        if isinstance(part, Metric):
            part.compute()


def _metric(owner: nn.Module, name: str) -> Metric:
    metric = owner.get_submodule(name)
    assert isinstance(metric, Metric)
    return metric
