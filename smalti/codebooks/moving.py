"""Codebook whose rows are moving averages of the latents that chose them (van den Oord et al. 2017, appendix A.1)."""

import torch
from torch import Tensor, distributed

from smalti.codebooks.nearest import NearestCode
from smalti.collectives import all_sum, gather_rows, several_ranks
from smalti.config.codebooks import EmaCodebookConfig
from smalti.seeds import mix

SPREAD = 0.01  # of the latents' deviation, between rows drawn from the same latent
FLOOR = 1e-6  # weight below which a row that isn't used no longer fades: 0.99^n leaves float32's range within 9,000


class EmaCodebook(NearestCode):
    """e_k = m_k / n_k, with n_k <- g n_k + (1 - g) c_k and m_k <- g m_k + (1 - g) (sum of the latents at k).

    Counts and sums are all-reduced, so that every rank holds the same book. n_k starts at one and m_k at e_k: with
    n_k = 0, as in taming, rows that aren't used at once are blown up by 1 / epsilon and never come back. What a code
    is really used is its bias-corrected average (n_k - w_k) / (1 - w_k), where w_k = g^age is the weight that the
    start still has in n_k. Below ``restart_below`` (tokens an update) a row is drawn anew from the batch's latents, as
    soon as it has been watched for long enough to expect one token. Nothing moves in eval mode, or for a batch with
    non-finite latents.
    """

    keeps_statistics = True
    counts: Tensor
    sums: Tensor
    start_weight: Tensor
    steps: Tensor

    def __init__(self, config: EmaCodebookConfig, code_dim: int) -> None:
        super().__init__(config.num_codes, code_dim, config)
        self.decay, self.restart_below, self.seed = config.decay, config.restart_below, config.seed
        rows = torch.empty(config.num_codes, code_dim).uniform_(-1 / config.num_codes, 1 / config.num_codes)
        self.register_buffer("counts", torch.ones(config.num_codes))
        self.register_buffer("sums", rows)
        self.register_buffer("start_weight", torch.ones(config.num_codes))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def usage(self) -> Tensor:
        """Returns how many tokens of an update each code gets on average, bias-corrected, (K,); 0 before any."""
        return (self.counts - self.start_weight) / (1 - self.start_weight).clamp(min=1e-12)

    def table(self) -> Tensor:
        return self.sums / self.counts[:, None]

    @torch.no_grad()
    def observe(self, rows: Tensor, tokens: Tensor) -> None:
        counts = torch.bincount(tokens, minlength=self.num_codes).float()
        sums = torch.zeros_like(self.sums).index_add_(0, tokens, rows)
        counts, sums = all_sum(counts), all_sum(sums)
        if not sums.isfinite().all():
            return
        # In place, so that checkpoints and the network's average keep seeing the same buffers.
        fade = torch.where(self.counts > FLOOR, self.decay, 1.0)
        self.counts.mul_(fade).add_(counts, alpha=1 - self.decay)
        self.sums.mul_(fade[:, None]).add_(sums, alpha=1 - self.decay)
        self.start_weight.mul_(self.decay)
        self.steps += 1
        if self.restart_below:
            self.restart(rows)

    def restart(self, rows: Tensor) -> None:
        """Gives rows that are hardly used a latent of this batch each, rank 0's choice among those of all ranks."""
        watched = self.start_weight <= self.decay ** (1 / self.restart_below) * (1 + 1e-4)  # of rounding
        dead = torch.nonzero(watched & (self.usage() < self.restart_below)).flatten()
        if not len(dead):
            return
        pool = gather_rows(rows)
        random = torch.Generator().manual_seed(mix(self.seed, "restart", int(self.steps)) % 2**63)
        if len(dead) <= len(pool):
            chosen = pool[torch.randperm(len(pool), generator=random)[: len(dead)].to(pool.device)]
        else:  # the same latents several times over, apart by a little: of two equal rows one is never chosen
            picked = torch.randint(len(pool), (len(dead),), generator=random)
            noise = torch.randn(len(dead), self.code_dim, generator=random).to(pool)
            chosen = pool[picked.to(pool.device)] + SPREAD * pool.std(0) * noise
        if several_ranks():
            distributed.broadcast(chosen, 0)
        self.counts[dead] = 1.0
        self.start_weight[dead] = 1.0
        self.sums[dead] = chosen
