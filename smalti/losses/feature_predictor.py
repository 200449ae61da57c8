"""Predicting a pretrained network's features from sub-codes (FQGAN section 3.3)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smalti.config.losses import PredictorConfig
from smalti.config.priors import TransformerConfig
from smalti.layers.transformer import Block


class FeaturePredictor(nn.Module):
    """Predicts an image feature (B, C) from the quantised codes of one book (B, D, h, w).

    A two-layer MLP widens the codes to C channels; a class token and learned positions join them; after the transformer
    layers the class token is the prediction.
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
        x = self.expand(codes.flatten(2).mT)
        x = torch.cat([self.token.to(x.dtype).expand(len(x), -1, -1), x], dim=1)
        x = self.norm_in(x + self.positions)
        for block in self.blocks:
            x = block(x)
        return self.norm_out(x[:, 0])


def info_nce(predicted: Tensor, targets: Tensor, own: Tensor, temperature: float) -> Tensor:
    """Returns the mean over B images of -log softmax_j(cos(p_i, t_j) / temperature)[own_i], in nats.

    predicted (B, C); targets (M, C), which may include images of other ranks; own (B,) is the index of each image's own
    target. FQGAN's released code has temperature 1 and the targets of one rank alone: the loss then stays within 2 nats
    of chance, ln B.

    >>> round(info_nce(torch.eye(2), torch.eye(2), torch.tensor([0, 1]), 0.1).item(), 4)  # ln(1 + e^-10)
    0.0
    """
    predicted, targets = F.normalize(predicted.float(), dim=1), F.normalize(targets.float(), dim=1)
    with torch.autocast(predicted.device.type, enabled=False):  # bfloat16 would undo the casts
        return F.cross_entropy(predicted @ targets.T / temperature, own)
