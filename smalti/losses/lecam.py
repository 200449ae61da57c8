"""LeCAM: a discriminator's logits are held near their moving averages (Tseng et al. 2021)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smalti.collectives import all_mean


class LeCam(nn.Module):
    """mean relu(D(x) - a_F)^2 + mean relu(a_R - D(x'))^2, as in the paper's and in Open-MAGVIT2's code.

    a_R and a_F are moving averages of the mean logits of real and of generated images, of all ranks, from 0 on. As in
    Open-MAGVIT2 a batch counts in them before it is judged. They are a buffer: a resumed training goes on with them.
    """

    averages: Tensor

    def __init__(self, decay: float) -> None:
        """
        Args:
            decay: share of the averages that a batch keeps.
        """
        super().__init__()
        self.decay = decay
        self.register_buffer("averages", torch.zeros(2))

    def forward(self, real: Tensor, fake: Tensor) -> Tensor:
        """Returns the penalty of the logits (B, ...) of real and of generated images, and moves the averages.

        Logits that aren't finite leave the averages as they are, since such an update is skipped.
        """
        means = all_mean(torch.stack([real.detach().float().mean(), fake.detach().float().mean()]))
        moved = self.averages.lerp(means, 1 - self.decay)
        self.averages.copy_(torch.where(means.isfinite().all(), moved, self.averages))
        of_real, of_fake = self.averages.clone().unbind()
        return F.relu(real.float() - of_fake).square().mean() + F.relu(of_real - fake.float()).square().mean()
