"""Cross-entropy over 100,000 codes in chunks beside PyTorch's over all logits: 2,048 tokens of width 1,024.

python -m benchmarks.cross_entropy
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.cost import measure, table
from smalti.losses.cross_entropy import linear_cross_entropy

if __name__ == "__main__":
    torch.manual_seed(0)
    features = torch.randn(2048, 1024, requires_grad=True)
    weight = (torch.randn(100_000, 1024) * 0.02).requires_grad_()
    targets = torch.randint(100_000, (2048,))

    def ours() -> tuple[Tensor, Tensor, Tensor]:
        loss = linear_cross_entropy(features, weight, targets)
        return (loss.detach(), *torch.autograd.grad(loss, (features, weight)))

    def plain() -> tuple[Tensor, Tensor, Tensor]:
        loss = F.cross_entropy(F.linear(features, weight), targets)
        return (loss.detach(), *torch.autograd.grad(loss, (features, weight)))

    table("cross-entropy, K = 100,000", {"smalti, chunked": measure(ours, 1), "plain": measure(plain, 1)}, "plain")
    for name, a, b in zip(("loss", "gradient by features", "gradient by weight"), ours(), plain(), strict=True):
        print(f"  {name}: {float((a - b).norm() / b.norm()):.1e} apart in norm, relatively")
