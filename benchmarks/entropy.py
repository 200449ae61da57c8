"""The entropy regulariser in chunks beside the dense one: K = 16,384, 4,096 latents.

python -m benchmarks.entropy
"""

import torch
from torch import Tensor

from benchmarks.cost import measure, table
from smalti.codebooks.entropy import assignment_entropies


def dense(latents: Tensor, codebook: Tensor, temperature: float) -> Tensor:
    """H(mean p) from all N x K distances at once."""
    distance = latents.square().sum(1, keepdim=True) + codebook.square().sum(1) - 2 * latents @ codebook.T
    return torch.special.entr((-distance / temperature).softmax(1).mean(0)).sum()


if __name__ == "__main__":
    torch.manual_seed(0)
    latents = torch.randn(4096, 8, requires_grad=True)
    codebook = torch.randn(16_384, 8, requires_grad=True)

    def ours() -> tuple[Tensor, ...]:
        return torch.autograd.grad(assignment_entropies(latents, codebook, 1.0)[0], (latents, codebook))

    def theirs() -> tuple[Tensor, ...]:
        return torch.autograd.grad(dense(latents, codebook, 1.0), (latents, codebook))

    table("entropy, forward and backward", {"smalti, chunked": measure(ours), "dense": measure(theirs)}, "dense")
    exact = latents.detach().double().requires_grad_(), codebook.detach().double().requires_grad_()
    truth = torch.autograd.grad(dense(*exact, 1.0), exact)
    for name, a, b, t in zip(("latents", "codebook"), ours(), theirs(), truth, strict=True):
        errors = [float((value.double() - t).norm() / t.norm()) for value in (a, b)]
        print(f"  gradient by {name}, error against float64: smalti {errors[0]:.1e}, dense in float32 {errors[1]:.1e}")
