"""Codebook re-estimated by k-means while it trains: the baseline "+ K-means" of SeQ-GAN's Table 5."""

import torch
from torch import Tensor, distributed

from smalti.codebooks.learned import LearnedCodebook
from smalti.codebooks.quantizer import Quantized
from smalti.collectives import gather_rows, several_ranks
from smalti.config.codebooks import KMeansCodebookConfig
from smalti.seeds import mix


class KMeansCodebook(LearnedCodebook):
    """A learned codebook whose rows are set to k-means centres of recent latents every ``every`` updates.

    The settings of the table aren't printed; those of the same author's VQFR are the defaults: latents pass
    unquantised for ``warmup`` updates, then come k-means over a reservoir of ``reservoir`` latents every 2,000 updates
    until update 30,000. Between two estimates rows learn by gradient. Every rank fills the same reservoir. The first
    estimate starts anywhere, later ones from the rows as they are: a row keeps its place, so that decoder and weight
    average aren't given another codebook. A batch with non-finite latents isn't kept.
    """

    keeps_statistics = True
    reservoir: Tensor
    filled: Tensor
    steps: Tensor

    def __init__(self, config: KMeansCodebookConfig, code_dim: int) -> None:
        super().__init__(config, code_dim)
        self.schedule = config
        self.register_buffer("reservoir", torch.zeros(config.reservoir, code_dim))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, latents: Tensor) -> Quantized:
        """Quantises latents (B, D, h, w); during the warm-up of a training they pass as they are."""
        result = super().forward(latents)
        if self.training and int(self.steps) <= self.schedule.warmup:
            return Quantized(latents, result.codes, result.tokens, result.losses, 0.0 * result.loss, result.counts)
        return result

    @torch.no_grad()
    def observe(self, rows: Tensor, tokens: Tensor) -> None:
        step, config = int(self.steps), self.schedule
        self.steps += 1
        if step <= config.until:
            gathered = gather_rows(rows)
            if gathered.isfinite().all():
                self.keep(gathered)
        due = step - config.warmup
        if due >= 0 and step <= config.until and due % config.every == 0 and int(self.filled) >= self.num_codes:
            self.codebook.copy_(self.centres(start=self.codebook if due else None))

    def keep(self, rows: Tensor) -> None:
        """Puts rows into the reservoir: first to fill it, then in place of seeded random ones (the newest stay)."""
        size = len(self.reservoir)
        random = torch.Generator().manual_seed(mix(self.schedule.seed, "reservoir", int(self.steps)) % 2**63)
        rows = rows[torch.randperm(len(rows), generator=random)[:size].to(rows.device)]
        free = min(size - int(self.filled), len(rows))
        start = int(self.filled)
        self.reservoir[start : start + free] = rows[:free]
        self.filled += free
        rest = rows[free:]
        self.reservoir[torch.randperm(size, generator=random)[: len(rest)].to(rows.device)] = rest

    def centres(self, start: Tensor | None) -> Tensor:
        """Returns (K, D): k-means centres of the reservoir, by faiss, from ``start`` if given; alike on every rank."""
        import faiss  # for those alone who use it

        points = self.reservoir[: int(self.filled)].float().cpu().numpy()
        kmeans = faiss.Kmeans(
            self.code_dim, self.num_codes, niter=20, seed=mix(self.schedule.seed, "kmeans") % 2**31,
            min_points_per_centroid=1, max_points_per_centroid=len(points), gpu=False,
        )  # fmt: skip
        kmeans.train(points, init_centroids=None if start is None else start.float().cpu().numpy())
        found = torch.from_numpy(kmeans.centroids).to(self.codebook.device)
        if several_ranks():
            distributed.broadcast(found, 0)
        return found
