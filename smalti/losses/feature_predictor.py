"""Sub-codes that predict the features of a pretrained network (FQGAN section 3.3)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smalti.config.losses import PredictorConfig
from smalti.config.priors import TransformerConfig
from smalti.layers.transformer import Block


class FeaturePredictor(nn.Module):
    """Quantised codes of one book (B, D, h, w) to a predicted image feature (B, C).

    A two-layer MLP to C channels, a class token and learned positions, transformer layers; the class token is read.
    """

    def __init__(self, config: PredictorConfig, code_dim: int, num_tokens: int, width: int) -> None:
        super().__init__()
        shape = TransformerConfig(
            num_layers=config.num_layers, num_heads=config.num_heads, width=width, mlp_width=4 * width, dropout=0.0
        )
        self.expand = nn.Sequential(nn.Linear(code_dim, width), nn.ReLU(), nn.Linear(width, width))
        self.token = nn.Parameter(torch.randn(1, 1, width) * width**-0.5)
        self.positions = nn.Parameter(torch.randn(1, num_tokens + 1, width) * width**-0.5)
        self.norm_in, self.norm_out = nn.LayerNorm(width), nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(shape, causal=False) for _ in range(shape.num_layers))

    def forward(self, codes: Tensor) -> Tensor:
        rows = self.expand(codes.flatten(2).mT)
        rows = torch.cat([self.token.to(rows.dtype).expand(len(rows), -1, -1), rows], dim=1)
        rows = self.norm_in(rows + self.positions)
        for block in self.blocks:
            rows = block(rows)
        return self.norm_out(rows[:, 0])


def info_nce(predicted: Tensor, targets: Tensor, own: Tensor, temperature: float) -> Tensor:
    """Returns the mean over B images of -log softmax_j(cos(p_i, t_j) / temperature)[own_i], in nats.

    predicted (B, C); targets (M, C), which may hold the images of other ranks; own (B,) says which target is an
    image's own. Temperature 1 with the targets of this rank alone is the form that FQGAN released: its value then
    stays within 2 nats of chance, ln B.

    >>> round(info_nce(torch.eye(2), torch.eye(2), torch.tensor([0, 1]), 0.1).item(), 4)  # ln(1 + e^-10)
    0.0
    """
    predicted, targets = F.normalize(predicted.float(), dim=1), F.normalize(targets.float(), dim=1)
    with torch.autocast(predicted.device.type, enabled=False):  # bfloat16 would undo the casts
        return F.cross_entropy(predicted @ targets.T / temperature, own)
