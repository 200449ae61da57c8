"""A vision transformer that reads code vectors in place of pixels."""

from collections.abc import Sequence
from functools import partial

from timm.models.vision_transformer import VisionTransformer
from torch import nn

from smalti.config.classifier import CodeVitConfig


def code_vit(config: CodeVitConfig, code_dim: int, grid: Sequence[int], num_classes: int) -> VisionTransformer:
    """Returns timm's vision transformer on a ``grid`` of (rows, columns), with fresh weights: code vectors
    (B, D, h, w), as a quantizer decodes them, to logits (B, classes).

    A patch is one position, so that the patch embedding is a linear map of the code vectors. As in MAE's fine-tuning
    there is a class token, the output is a linear map of the normalised mean over all other positions, and its weights
    start almost at 0 (standard deviation 2e-5). For 0 classes there is no output layer: where their number isn't known
    yet, the rest can be counted.
    """
    rows, columns = grid
    network = VisionTransformer(
        img_size=(rows, columns),
        patch_size=1,
        in_chans=code_dim,
        num_classes=num_classes,
        global_pool="avg",
        embed_dim=config.width,
        depth=config.num_layers,
        num_heads=config.num_heads,
        mlp_ratio=config.mlp_width // config.width,
        drop_path_rate=config.drop_path,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
    )
    if num_classes:
        nn.init.trunc_normal_(network.head.weight, std=2e-5)
    return network
