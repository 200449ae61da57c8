"""VQGAN's networks computed from released names alone: shapes, and a forward pass by torch.nn.functional.

``style`` is taming (VQGAN, VQGAN-LC, IBQ) or llamagen (LlamaGen, FQGAN): the same network under other names.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

State = dict[str, Tensor]
Shapes = dict[str, tuple[int, ...]]
WIDTHS, BLOCKS, BOTTLENECK = (32, 64), 1, 24


def random_state(shapes: Shapes, seed: int = 0) -> State:
    """Returns weights by which signals keep about their size: positions then differ more than biases move them all,
    and pixels stay within [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        value = torch.randn(shape, generator=generator) * max(1, torch.Size(shape[1:]).numel()) ** -0.5
        if len(shape) == 1:
            value = 1 + 0.1 * value if name.endswith("weight") else 0.1 * value
        state[name] = value * (0.2 if name.startswith("decoder.conv_out") else 1)
    return state


def convolution(prefix: str, inside: int, outside: int, kernel: int, bias: bool = True) -> Shapes:
    weight = {f"{prefix}.weight": (outside, inside, kernel, kernel)}
    return weight | ({f"{prefix}.bias": (outside,)} if bias else {})


def pair(prefix: str, width: int) -> Shapes:
    return {f"{prefix}.weight": (width,), f"{prefix}.bias": (width,)}


def residual(prefix: str, inside: int, outside: int) -> Shapes:
    shapes = pair(f"{prefix}.norm1", inside) | convolution(f"{prefix}.conv1", inside, outside, 3)
    shapes |= pair(f"{prefix}.norm2", outside) | convolution(f"{prefix}.conv2", outside, outside, 3)
    return shapes | (convolution(f"{prefix}.nin_shortcut", inside, outside, 1) if inside != outside else {})


def attention(prefix: str, width: int) -> Shapes:
    shapes = pair(f"{prefix}.norm", width)
    for name in ("q", "k", "v", "proj_out"):
        shapes |= convolution(f"{prefix}.{name}", width, width, 1)
    return shapes


def middle_names(style: str) -> list[str]:
    return ["mid.block_1", "mid.attn_1", "mid.block_2"] if style == "taming" else ["mid.0", "mid.1", "mid.2"]


def encoder_level(style: str, level: int) -> tuple[str, str]:
    """Returns the beginning of a level's names, and what its residual blocks are called."""
    return (f"encoder.down.{level}", "block") if style == "taming" else (f"encoder.conv_blocks.{level}", "res")


def decoder_level(style: str, level: int) -> tuple[str, str]:
    """The same of the decoder, for a level counted from the finest."""
    if style == "taming":
        return f"decoder.up.{level}", "block"
    return f"decoder.conv_blocks.{len(WIDTHS) - 1 - level}", "res"


def trunk_shapes(style: str) -> Shapes:
    shapes, before = convolution("encoder.conv_in", 3, WIDTHS[0], 3), WIDTHS[0]
    for level, width in enumerate(WIDTHS):
        old, block = encoder_level(style, level)
        for number in range(BLOCKS):
            shapes |= residual(f"{old}.{block}.{number}", width if number else before, width)
            if level == len(WIDTHS) - 1:
                shapes |= attention(f"{old}.attn.{number}", width)
        if level < len(WIDTHS) - 1:
            shapes |= convolution(f"{old}.downsample.conv", width, width, 3)
        before = width
    first, second, third = (f"encoder.{name}" for name in middle_names(style))
    return shapes | residual(first, before, before) | attention(second, before) | residual(third, before, before)


def head_shapes(dim: int, suffix: str = "") -> Shapes:
    shapes = pair(f"encoder.norm_out{suffix}", WIDTHS[-1])
    shapes |= convolution(f"encoder.conv_out{suffix}", WIDTHS[-1], BOTTLENECK, 3)
    return shapes | convolution(f"quant_conv{suffix}", BOTTLENECK, dim, 1)


def adapter_shapes(prefix: str, side: int) -> Shapes:
    """FQGAN's transformer of one layer over side x side positions."""
    width = WIDTHS[-1]
    shapes: Shapes = {f"{prefix}.positional_embedding": (side * side, width)}
    for name in ("ln_pre", "ln_post", "transformer.0.ln_1", "transformer.0.ln_2"):
        shapes |= pair(f"{prefix}.{name}", width)
    block = f"{prefix}.transformer.0"
    shapes |= {f"{block}.attn.in_proj_weight": (3 * width, width), f"{block}.attn.in_proj_bias": (3 * width,)}
    linears = {"attn.out_proj": (width, width), "mlp.c_fc": (4 * width, width), "mlp.c_proj": (width, 4 * width)}
    for name, shape in linears.items():
        shapes |= {f"{block}.{name}.weight": shape, f"{block}.{name}.bias": shape[:1]}
    return shapes


def decoder_shapes(style: str, dim: int) -> Shapes:
    shapes = convolution("post_quant_conv", dim, BOTTLENECK, 1)
    shapes |= convolution("decoder.conv_in", BOTTLENECK, WIDTHS[-1], 3)
    before = WIDTHS[-1]
    first, second, third = (f"decoder.{name}" for name in middle_names(style))
    shapes |= residual(first, before, before) | attention(second, before) | residual(third, before, before)
    for level in reversed(range(len(WIDTHS))):
        old, block = decoder_level(style, level)
        for number in range(BLOCKS + 1):
            shapes |= residual(f"{old}.{block}.{number}", WIDTHS[level] if number else before, WIDTHS[level])
            if level == len(WIDTHS) - 1:
                shapes |= attention(f"{old}.attn.{number}", WIDTHS[level])
        if level:
            shapes |= convolution(f"{old}.upsample.conv", WIDTHS[level], WIDTHS[level], 3)
        before = WIDTHS[level]
    return shapes | pair("decoder.norm_out", before) | convolution("decoder.conv_out", before, 3, 3)


def conv(state: State, name: str, x: Tensor, padding: int = 0, stride: int = 1) -> Tensor:
    return F.conv2d(x, state[f"{name}.weight"], state.get(f"{name}.bias"), stride=stride, padding=padding)


def norm(state: State, name: str, x: Tensor) -> Tensor:
    return F.group_norm(x, 32, state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-6)


def run_residual(state: State, name: str, x: Tensor) -> Tensor:
    y = conv(state, f"{name}.conv1", F.silu(norm(state, f"{name}.norm1", x)), padding=1)
    y = conv(state, f"{name}.conv2", F.silu(norm(state, f"{name}.norm2", y)), padding=1)
    return y + (conv(state, f"{name}.nin_shortcut", x) if f"{name}.nin_shortcut.weight" in state else x)


def run_attention(state: State, name: str, x: Tensor) -> Tensor:
    rows = norm(state, f"{name}.norm", x)
    q, k, v = (conv(state, f"{name}.{part}", rows).flatten(2) for part in ("q", "k", "v"))
    scores = torch.einsum("bci,bcj->bij", q, k) * x.shape[1] ** -0.5
    found = torch.einsum("bij,bcj->bci", scores.softmax(2), v)
    return x + conv(state, f"{name}.proj_out", found.view_as(x))


def run_middle(state: State, side: str, style: str, x: Tensor) -> Tensor:
    first, second, third = (f"{side}.{name}" for name in middle_names(style))
    return run_residual(state, third, run_attention(state, second, run_residual(state, first, x)))


def run_trunk(state: State, style: str, images: Tensor) -> Tensor:
    x = conv(state, "encoder.conv_in", images, padding=1)
    for level in range(len(WIDTHS)):
        old, block = encoder_level(style, level)
        for number in range(BLOCKS):
            x = run_residual(state, f"{old}.{block}.{number}", x)
            if f"{old}.attn.{number}.q.weight" in state:
                x = run_attention(state, f"{old}.attn.{number}", x)
        if f"{old}.downsample.conv.weight" in state:
            x = conv(state, f"{old}.downsample.conv", F.pad(x, (0, 1, 0, 1)), stride=2)
    return run_middle(state, "encoder", style, x)


def run_head(state: State, x: Tensor, suffix: str = "") -> Tensor:
    x = conv(state, f"encoder.conv_out{suffix}", F.silu(norm(state, f"encoder.norm_out{suffix}", x)), padding=1)
    return conv(state, f"quant_conv{suffix}", x)


def run_decoder(state: State, style: str, codes: Tensor) -> Tensor:
    x = conv(state, "decoder.conv_in", conv(state, "post_quant_conv", codes), padding=1)
    x = run_middle(state, "decoder", style, x)
    for level in reversed(range(len(WIDTHS))):
        old, block = decoder_level(style, level)
        for number in range(BLOCKS + 1):
            x = run_residual(state, f"{old}.{block}.{number}", x)
            if f"{old}.attn.{number}.q.weight" in state:
                x = run_attention(state, f"{old}.attn.{number}", x)
        if level:
            x = conv(state, f"{old}.upsample.conv", F.interpolate(x, scale_factor=2.0, mode="nearest"), padding=1)
    return conv(state, "decoder.conv_out", F.silu(norm(state, "decoder.norm_out", x)), padding=1)


def chosen(latents: Tensor, rows: Tensor, score: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Returns the tokens (B, h, w) of the rows that score most, for latents (B, D, h, w)."""
    flat = latents.movedim(1, -1).flatten(0, -2).double()
    return score(flat, rows.double()).argmax(1).view(latents.shape[0], *latents.shape[2:])


def by_distance(latents: Tensor, rows: Tensor) -> Tensor:
    return -torch.cdist(latents, rows)


def looked_up(rows: Tensor, tokens: Tensor) -> Tensor:
    return rows[tokens].movedim(-1, 1)
