"""MAE's encoder as the start of a classifier that reads code vectors."""

import math
from collections.abc import Mapping

import timm
from timm.layers import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from smalti.config.classifier import MaeConfig
from smalti.tensors import read_weights

BLOCK = ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")  # each with weight and bias
# Of another input, and of the norm in front of MAE's decoder: the pooled features have a norm of their own.
LEFT_OUT = ("patch_embed.proj.weight", "patch_embed.proj.bias", "norm.weight", "norm.bias")


def taken_names(num_layers: int) -> list[str]:
    """Returns the names of the tensors that a classifier of so many blocks takes from MAE's encoder.

    >>> len(taken_names(12)), taken_names(1)[:3]
    (146, ['cls_token', 'pos_embed', 'blocks.0.norm1.weight'])
    """
    blocks = [f"blocks.{i}.{part}.{kind}" for i in range(num_layers) for part in BLOCK for kind in ("weight", "bias")]
    return ["cls_token", "pos_embed", *blocks]


def start_from_mae(network: VisionTransformer, config: MaeConfig) -> None:
    """Fills class token, positions and blocks of ``network`` from MAE's encoder; patch embedding, last norm and output
    layer stay as they are.

    The square map of positions is interpolated to the network's grid, bicubic without antialiasing, as MAE does it.

    Raises:
        ValueError: the file holds something else, or an encoder of another width or depth.
    """
    state = read_weights(config.weights, inside="model")
    own, taken = network.state_dict(), taken_names(len(network.blocks))
    _check(own, state, taken, f"weights {config.weights}")
    positions = resample_abs_pos_embed(
        state["pos_embed"], list(network.patch_embed.grid_size), num_prefix_tokens=1, antialias=False
    )
    found = {name: state[name] for name in taken} | {"pos_embed": positions}
    network.load_state_dict({**own, **found})


def _check(own: Mapping[str, Tensor], state: Mapping[str, Tensor], taken: list[str], name: str) -> None:
    expected = {*taken, *LEFT_OUT}
    positions = state.get("pos_embed")
    if positions is None or positions.ndim != 3:
        raise ValueError(f"{name}: no pos_embed (1, N + 1, width); these aren't the weights of MAE's encoder")
    depth = len({key.split(".")[1] for key in state if key.startswith("blocks.")})
    size, wanted = (depth, positions.shape[2]), ((len(taken) - 2) // (2 * len(BLOCK)), own["pos_embed"].shape[2])
    if size != wanted:
        raise ValueError(
            f"{name}: {size[0]} blocks of width {size[1]}, the classifier has {wanted[0]} of width {wanted[1]}; name "
            "other weights, or set network.num_layers and network.width to theirs"
        )
    missing, extra = sorted(expected - state.keys()), sorted(state.keys() - expected)
    if missing or extra:
        raise ValueError(
            f"{name}: {len(missing)} tensors missing {missing[:3]}, {len(extra)} unexpected {extra[:3]}; the encoder "
            "of MAE's pretraining is needed, without decoder or head"
        )
    if math.isqrt(positions.shape[1] - 1) ** 2 != positions.shape[1] - 1:
        raise ValueError(f"{name}: pos_embed has {positions.shape[1] - 1} positions, not a square number")
    for key in taken:
        if key != "pos_embed" and state[key].shape != own[key].shape:
            shapes = f"{tuple(state[key].shape)}, the classifier's is {tuple(own[key].shape)}"
            raise ValueError(f"{name}: {key} has shape {shapes}; set network.mlp_width and network.width to theirs")


def fetch_mae(config: MaeConfig) -> tuple[dict[str, Tensor], str, str]:
    """Returns the tensors of MAE's encoder, where they come from, and their licence; needs a network."""
    network = timm.create_model(config.model, pretrained=True, num_classes=0)
    return network.state_dict(), f"timm {config.model}", network.pretrained_cfg.get("license", "CC-BY-NC 4.0")
