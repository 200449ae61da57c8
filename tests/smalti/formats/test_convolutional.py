"""Released tokenizers without attention, imported: Open-MAGVIT2's and MaskGIT's, beside their released names' own
forward pass."""

from pathlib import Path

import torch
from released_vqgan import Shapes, State, by_distance, chosen, conv, convolution, looked_up, norm, pair, random_state
from torch import Tensor
from torch.nn import functional as F

from smalti.formats import import_tokenizer

WIDTHS, BLOCKS, BITS, K, D, SIZE = (32, 64), 2, 3, 11, 6, 32


def images() -> Tensor:
    return torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(9)) * 2 - 1


def residual(prefix: str, inside: int, outside: int, shortcut_reads: int) -> Shapes:
    """A block without biases; its shortcut reads the block's input (Open-MAGVIT2) or its output (MaskGIT)."""
    shapes = pair(f"{prefix}.norm1", inside) | convolution(f"{prefix}.conv1", inside, outside, 3, bias=False)
    shapes |= pair(f"{prefix}.norm2", outside) | convolution(f"{prefix}.conv2", outside, outside, 3, bias=False)
    if inside == outside:
        return shapes
    return shapes | convolution(f"{prefix}.nin_shortcut", shortcut_reads, outside, 1, bias=False)


def run_residual(state: State, name: str, x: Tensor, of_output: bool) -> Tensor:
    y = conv(state, f"{name}.conv1", F.silu(norm(state, f"{name}.norm1", x)), padding=1)
    y = conv(state, f"{name}.conv2", F.silu(norm(state, f"{name}.norm2", y)), padding=1)
    if f"{name}.nin_shortcut.weight" not in state:
        return x + y
    return y + conv(state, f"{name}.nin_shortcut", y if of_output else x)


def network_shapes(middle: str, outputs: int, kernel: int, of_output: bool) -> Shapes:
    """The blocks of both networks, and what lies at their ends, for latents of ``outputs`` channels."""
    shapes = convolution("encoder.conv_in", 3, WIDTHS[0], 3, bias=False)
    for side, widths in (("encoder", WIDTHS), ("decoder", WIDTHS[::-1])):
        before = widths[0]
        for place, width in enumerate(widths):
            level = place if side == "encoder" else len(WIDTHS) - 1 - place
            for number in range(BLOCKS):
                inside = width if number else before
                name = f"{side}.{'down' if side == 'encoder' else 'up'}.{level}.block.{number}"
                shapes |= residual(name, inside, width, width if of_output else inside)
            before = width
        for number in range(BLOCKS):
            shapes |= residual(f"{side}.{middle}.{number}", WIDTHS[-1], WIDTHS[-1], 0)
        shapes |= pair(f"{side}.norm_out", widths[-1])
    shapes |= convolution("encoder.conv_out", WIDTHS[-1], outputs, 1)
    shapes |= convolution("decoder.conv_in", outputs, WIDTHS[-1], 3)
    return shapes | convolution("decoder.conv_out", WIDTHS[0], 3, kernel)


def run_blocks(state: State, prefix: str, x: Tensor, of_output: bool) -> Tensor:
    for number in range(BLOCKS):
        x = run_residual(state, f"{prefix}.{number}", x, of_output)
    return x


def run_end(state: State, side: str, x: Tensor, padding: int) -> Tensor:
    return conv(state, f"{side}.conv_out", F.silu(norm(state, f"{side}.norm_out", x)), padding=padding)


def magvit_norm(state: State, level: int, x: Tensor, codes: Tensor) -> Tensor:
    """Statistics of the latents over positions, in float64."""
    rows = codes.flatten(2).double()
    deviation = ((rows - rows.mean(2, keepdim=True)).square().sum(2) / (rows.shape[2] - 1) + 1e-6).sqrt()
    name = f"decoder.adaptive.{level}"
    scale = F.linear(deviation.float(), state[f"{name}.gamma.weight"], state[f"{name}.gamma.bias"])
    shift = F.linear(rows.mean(2).float(), state[f"{name}.beta.weight"], state[f"{name}.beta.bias"])
    return scale[:, :, None, None] * F.group_norm(x, 32, eps=1e-6) + shift[:, :, None, None]


def depth_to_space(x: Tensor) -> Tensor:
    """Quarter (2 p + q) of the channels to row p and column q of each 2 x 2, by slices."""
    batch, channels, height, width = x.shape
    found = x.new_empty(batch, channels // 4, 2 * height, 2 * width)
    for number, part in enumerate(x.chunk(4, dim=1)):
        found[:, :, number // 2 :: 2, number % 2 :: 2] = part
    return found


def test_open_magvit2(tmp_path: Path) -> None:
    """Tokens are the same numbers as theirs: the first channel is the lowest bit."""
    shapes = network_shapes("mid_block", BITS, 3, of_output=False)
    shapes |= convolution("encoder.down.0.downsample", WIDTHS[0], WIDTHS[0], 3)
    shapes |= convolution("decoder.up.1.upsample.conv1", WIDTHS[1], 4 * WIDTHS[1], 3)
    for level, width in {1: WIDTHS[1], 0: WIDTHS[1]}.items():
        for name in ("gamma", "beta"):
            shapes |= {f"decoder.adaptive.{level}.{name}.weight": (width, BITS)}
            shapes |= {f"decoder.adaptive.{level}.{name}.bias": (width,)}
    state, last = random_state(shapes), random_state(shapes, 1)
    averages = {f"model_ema.{name.replace('.', '')}": value for name, value in state.items()}
    others = {"model_ema.num_updates": torch.ones(()), "quantize.mask": torch.ones(3), "loss.logvar": torch.ones(())}
    torch.save({"state_dict": last | averages | others}, tmp_path / "m.ckpt")
    config = {"model": {"init_args": {"ddconfig": {"resolution": SIZE}}}}
    tokenizer = import_tokenizer(tmp_path / "m.ckpt", "open-magvit2", config=config)

    x = run_blocks(state, "encoder.down.0.block", conv(state, "encoder.conv_in", images(), padding=1), False)
    x = conv(state, "encoder.down.0.downsample", x, padding=1, stride=2)
    x = run_blocks(state, "encoder.mid_block", run_blocks(state, "encoder.down.1.block", x, False), False)
    signs = run_end(state, "encoder", x, padding=0) > 0
    tokens = sum(signs[:, bit].long() * 2**bit for bit in range(BITS))
    assert isinstance(tokens, Tensor) and len(tokens.unique()) > 4
    assert torch.equal(tokenizer.encode(images()), tokens)

    codes = signs.float() * 2 - 1
    x = run_blocks(state, "decoder.mid_block", conv(state, "decoder.conv_in", codes, padding=1), False)
    x = run_blocks(state, "decoder.up.1.block", magvit_norm(state, 1, x, codes), False)
    x = depth_to_space(conv(state, "decoder.up.1.upsample.conv1", x, padding=1))
    x = run_blocks(state, "decoder.up.0.block", magvit_norm(state, 0, x, codes), False)
    pixels = run_end(state, "decoder", x, padding=1).clamp(-1, 1)
    torch.testing.assert_close(tokenizer.decode(tokens), pixels, rtol=0, atol=1e-5)
    assert (tokenizer.num_codes, tokenizer.image_size, tokenizer.grid) == (2**BITS, SIZE, (16, 16))


def test_maskgit_vqgan(tmp_path: Path) -> None:
    """Pixels are in [0, 1] in their network; shortcuts read the block's output; levels are pooled."""
    shapes = network_shapes("mid", D, 3, of_output=True) | {"quantize.embedding.weight": (K, D)}
    shapes |= convolution("decoder.up.1.upsample_conv", WIDTHS[1], WIDTHS[1], 3)
    state = random_state(shapes)
    torch.save(state, tmp_path / "pytorch_model.bin")
    tokenizer = import_tokenizer(tmp_path / "pytorch_model.bin", "maskgit-vqgan", config={"resolution": SIZE})

    x = run_blocks(state, "encoder.down.0.block", conv(state, "encoder.conv_in", (images() + 1) / 2, padding=1), True)
    x = run_blocks(state, "encoder.down.1.block", F.avg_pool2d(x, 2), True)
    latents = run_end(state, "encoder", run_blocks(state, "encoder.mid", x, True), padding=0)
    rows = state["quantize.embedding.weight"]
    tokens = chosen(latents, rows, by_distance)
    assert len(tokens.unique()) > 4 and torch.equal(tokenizer.encode(images()), tokens)

    x = conv(state, "decoder.conv_in", looked_up(rows, tokens), padding=1)
    x = run_blocks(state, "decoder.up.1.block", run_blocks(state, "decoder.mid", x, True), True)
    x = conv(state, "decoder.up.1.upsample_conv", F.interpolate(x, scale_factor=2.0, mode="nearest"), padding=1)
    pixels = run_end(state, "decoder", run_blocks(state, "decoder.up.0.block", x, True), padding=1)
    torch.testing.assert_close(tokenizer.decode(tokens), (pixels * 2 - 1).clamp(-1, 1), rtol=0, atol=1e-5)
