"""Nearest-code search and the quantiser around it, beside the released form and vector-quantize-pytorch.

    python -m benchmarks.search

4,096 latents. "Released" is the dense argmin(|z|^2 + |e|^2 - 2 z e) with its autograd graph, as VQGAN-LC and taming
have it. Then: is the chosen code the nearest in float64?
"""

import torch
from torch import Tensor, nn
from vector_quantize_pytorch import SimVQ, VectorQuantize

from benchmarks.cost import Cost, measure, table
from smalti.codebooks import build_quantizer
from smalti.codebooks.search import nearest_codes
from smalti.config.codebooks import LearnedCodebookConfig, ProjectedL2Config

N = 4096


def released(latents: Tensor, codebook: Tensor) -> Tensor:
    """The loss of the released quantiser, (N, K) distances in the graph."""
    distance = latents.square().sum(1, keepdim=True) + codebook.square().sum(1) - 2 * latents @ codebook.T
    chosen = codebook[distance.argmin(1)]
    straight = latents + (chosen - latents).detach()
    return (
        (chosen.detach() - latents).square().mean()
        + 0.33 * (chosen - latents.detach()).square().mean()
        + straight.mean()
    )


def projected(num_codes: int, width: int, code_dim: int) -> dict[str, Cost]:
    """Forward and backward of VQGAN-LC's quantiser, its projection included, and of its peers."""
    centres = torch.randn(num_codes, width)
    ours = build_quantizer(ProjectedL2Config(), code_dim, centres)
    projector = nn.Linear(width, code_dim)
    vq = VectorQuantize(dim=code_dim, codebook_size=num_codes, learnable_codebook=True, ema_update=False)
    sim = SimVQ(dim=code_dim, codebook_size=num_codes)
    grid = torch.randn(16, code_dim, 16, 16)
    rows = grid.movedim(1, -1).reshape(-1, code_dim)

    def our_step() -> None:
        result = ours(grid.clone().requires_grad_())
        (result.loss + result.latents.mean()).backward()

    def projection() -> None:
        projector(centres).square().mean().backward()

    def released_step() -> None:
        released(rows.clone().requires_grad_(), projector(centres)).backward()

    def vq_step() -> None:
        found, _, loss = vq(rows[None].clone().requires_grad_())
        (loss.sum() + found.mean()).backward()

    def sim_step() -> None:
        found, _, loss = sim(rows[None].clone().requires_grad_())
        (loss.sum() + found.mean()).backward()

    return {
        "smalti, projected": measure(our_step), "  of which the projection": measure(projection),
        "  of which the search": measure(lambda: nearest_codes(rows, projector(centres).detach())),
        "released form": measure(released_step), "VectorQuantize": measure(vq_step, 1), "SimVQ": measure(sim_step),
    }  # fmt: skip


def learned(num_codes: int, code_dim: int) -> dict[str, Cost]:
    """The same for a codebook learned by gradient."""
    ours = build_quantizer(LearnedCodebookConfig(num_codes=num_codes, entropy_weight=0), code_dim, None)
    grid = torch.randn(16, code_dim, 16, 16)
    rows = grid.movedim(1, -1).reshape(-1, code_dim)
    table_ = nn.Parameter(torch.randn(num_codes, code_dim))

    def our_step() -> None:
        result = ours(grid.clone().requires_grad_())
        (result.loss + result.latents.mean()).backward()

    return {
        "smalti, learned": measure(our_step),
        "released form": measure(lambda: released(rows.clone().requires_grad_(), table_).backward()),
    }


def worst_choice(offset: float) -> float:
    """Returns how much farther the worst chosen code is than the nearest one in float64, relatively."""
    latents, codes = torch.randn(N, 8) + offset, torch.randn(100_000, 8)
    worst = 0.0
    for part in latents.split(256):
        distance = torch.cdist(part.double(), codes.double()).square()
        chosen = (part.double() - codes[nearest_codes(part, codes)].double()).square().sum(1)
        worst = max(worst, float(((chosen - distance.amin(1)) / distance.amin(1)).max()))
    return worst


if __name__ == "__main__":
    torch.manual_seed(0)
    table("K = 100,000, D = 8, centres 768 wide", projected(100_000, 768, 8), "smalti, projected")
    table("K = 16,384, D = 8, centres 768 wide", projected(16_384, 768, 8), "smalti, projected")
    table("K = 16,384, D = 256", learned(16_384, 256), "smalti, learned")
    table("K = 100,000, D = 256", learned(100_000, 256), "smalti, learned")
    for offset in (0.0, 20.0):
        print(f"latents of mean {offset:4.0f}: chosen code at most {worst_choice(offset):.1e} farther than the nearest")
