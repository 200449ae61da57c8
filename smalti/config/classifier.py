"""Shape of the classifier that reads tokens, as data."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from smalti.config.ranges import Decay, PositiveInt
from smalti.config.weights import WEIGHTS


@dataclass(frozen=True, kw_only=True)
class MaeConfig:
    """The encoder of a masked autoencoder (He et al. 2022) as released, CC-BY-NC 4.0."""

    kind: Literal["mae"] = "mae"
    model: Literal["vit_base_patch16_224.mae", "vit_large_patch16_224.mae", "vit_huge_patch14_224.mae"] = (
        "vit_base_patch16_224.mae"
    )
    """Name of the model in timm, from which ``make weights`` fetches it."""
    weights: str = field(default="mae_vit_base.safetensors", metadata=WEIGHTS)
    """File below $SMALTI_WEIGHTS with MAE's names: safetensors, or MAE's released mae_pretrain_*.pth."""


@dataclass(frozen=True, kw_only=True)
class CodeVitConfig:
    """A vision transformer over the code vectors of a token map. The default is ViT-B."""

    network: ClassVar[str] = "smalti.classifiers.code_vit:code_vit"
    num_layers: PositiveInt = 12
    """Blocks."""
    num_heads: PositiveInt = 12
    """Attention heads; they divide ``width``."""
    width: PositiveInt = 768
    """Channels of a position."""
    mlp_width: PositiveInt = 3072
    """Channels inside each MLP, a multiple of ``width``; usually 4 times as many."""
    drop_path: Decay = 0.1
    """Probability that training leaves out a branch of the last block; it rises linearly from 0 in the first one (MAE's
    fine-tuning: 0.1)."""
    pretrained: MaeConfig | None = None
    """What class token, positions and blocks start from (VQGAN-LC: MAE's ViT-B); null: from scratch."""

    def __post_init__(self) -> None:
        if self.width % self.num_heads:
            raise ValueError(f"width {self.width} must be a multiple of num_heads {self.num_heads}")
        if self.mlp_width % self.width:
            raise ValueError(f"mlp_width {self.mlp_width} must be a multiple of width {self.width}")
