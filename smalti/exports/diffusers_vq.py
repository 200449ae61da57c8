"""A tokenizer as diffusers' VQModel, where the network is the same: VQGAN's, with one table of codes."""

from collections.abc import Iterator
from pathlib import Path

from diffusers import VQModel
from torch import Tensor

from smalti.codebooks import FrozenCodebook
from smalti.codebooks.propagated import DotProductCodebook
from smalti.config.autoencoders import VqganConfig
from smalti.tokenizer import Tokenizer

State = dict[str, Tensor]
Named = Iterator[tuple[str, Tensor]]


def check_exportable(tokenizer: Tokenizer) -> VqganConfig:
    """Returns the autoencoder's config; ValueError for a network that VQModel doesn't have."""
    saved, quantizer = tokenizer.saved, tokenizer.network.quantizer
    if not isinstance(saved.autoencoder, VqganConfig):
        raise ValueError(
            f"autoencoder kind {saved.autoencoder.kind}: diffusers' VQModel is kind vqgan; export it as onnx"
        )
    if saved.attention is not None:
        raise ValueError(
            "a decoder with attention (phase 2): diffusers' VQModel has none like it; export phase 1, or onnx"
        )
    if not isinstance(quantizer, FrozenCodebook) or isinstance(quantizer, DotProductCodebook):
        raise ValueError(f"codebook kind {saved.quantizer.kind}: diffusers' VQModel takes the nearest row of one table")
    return saved.autoencoder


def part(state: State, new: str, old: str) -> Named:
    """Yields weight and bias of one module."""
    for kind in ("weight", "bias"):
        yield f"{new}.{kind}", state[f"{old}.{kind}"]


def residual(state: State, new: str, old: str) -> Named:
    """Yields one residual block."""
    for name in ("norm1", "conv1", "norm2", "conv2"):
        yield from part(state, f"{new}.{name}", f"{old}.{name}")
    if f"{old}.shortcut.weight" in state:
        yield from part(state, f"{new}.conv_shortcut", f"{old}.shortcut")


def attention(state: State, new: str, old: str) -> Named:
    """Yields the attention over a map, whose 1 x 1 convolutions are linear layers there."""
    yield from part(state, f"{new}.group_norm", f"{old}.norm")
    for kind in ("weight", "bias"):
        shares = state[f"{old}.query_key_value.{kind}"].chunk(3)
        for name, share in zip(("to_q", "to_k", "to_v"), shares, strict=True):
            yield f"{new}.{name}.{kind}", share.flatten(1) if kind == "weight" else share
        out = state[f"{old}.out.{kind}"]
        yield f"{new}.to_out.0.{kind}", out.flatten(1) if kind == "weight" else out


def level(state: State, new: str, olds: Iterator[str], blocks: int, attended: bool) -> Named:
    """Yields a level's residual blocks, each with its attention where the level has it."""
    for number in range(blocks):
        yield from residual(state, f"{new}.resnets.{number}", next(olds))
        if attended:
            yield from attention(state, f"{new}.attentions.{number}", next(olds))


def middle(state: State, new: str, old: str) -> Named:
    """Yields residual block, attention, residual block of the coarsest level."""
    yield from residual(state, f"{new}.mid_block.resnets.0", f"{old}.0")
    yield from attention(state, f"{new}.mid_block.attentions.0", f"{old}.1")
    yield from residual(state, f"{new}.mid_block.resnets.1", f"{old}.2")


def encoder(state: State, shape: VqganConfig) -> Named:
    trunk = "encoder.trunk.levels"
    olds = iter(f"{trunk}.{place}" for place in range(len(state)))
    yield from part(state, "encoder.conv_in", next(olds))
    for number in range(len(shape.widths)):
        if number:
            yield from part(state, f"encoder.down_blocks.{number - 1}.downsamplers.0.conv", f"{next(olds)}.conv")
        attended = number in shape.attention_levels
        yield from level(state, f"encoder.down_blocks.{number}", olds, shape.num_blocks, attended)
    yield from middle(state, "encoder", next(olds))
    yield from part(state, "encoder.conv_norm_out", "encoder.head.0")
    yield from part(state, "encoder.conv_out", "encoder.head.2")
    yield from part(state, "quant_conv", "encoder.head.3")


def decoder(state: State, shape: VqganConfig) -> Named:
    yield from part(state, "post_quant_conv", "decoder.post_quant")
    yield from part(state, "decoder.conv_in", "decoder.conv_in")
    yield from middle(state, "decoder", "decoder.middle")
    last = len(shape.widths) - 1
    for number in range(last + 1):
        olds = iter(f"decoder.levels.{number}.{place}" for place in range(len(state)))
        if number:
            yield from part(state, f"decoder.up_blocks.{number - 1}.upsamplers.0.conv", f"{next(olds)}.conv")
        attended = last - number in shape.attention_levels
        yield from level(state, f"decoder.up_blocks.{number}", olds, shape.num_blocks + 1, attended)
    yield from part(state, "decoder.conv_norm_out", "decoder.conv_out.0")
    yield from part(state, "decoder.conv_out", "decoder.conv_out.2")


def to_diffusers(tokenizer: Tokenizer) -> VQModel:
    """Returns diffusers' VQModel with the tokenizer's weights; its pixels are in [-1, 1] too, its output unclamped.

    Raises:
        ValueError: a network that VQModel doesn't have, by name.
    """
    shape = check_exportable(tokenizer)
    state = tokenizer.network.state_dict()
    attended = [number in shape.attention_levels for number in range(len(shape.widths))]
    model = VQModel(
        down_block_types=tuple("AttnDownEncoderBlock2D" if has else "DownEncoderBlock2D" for has in attended),
        up_block_types=tuple("AttnUpDecoderBlock2D" if has else "UpDecoderBlock2D" for has in attended[::-1]),
        block_out_channels=shape.widths,
        layers_per_block=shape.num_blocks,
        latent_channels=shape.bottleneck,
        sample_size=tokenizer.image_size,
        num_vq_embeddings=tokenizer.num_codes,
        norm_num_groups=shape.norm_groups,
        vq_embed_dim=shape.latent_dim,
        scaling_factor=1.0,
        lookup_from_codebook=True,
    )
    named = dict([*encoder(state, shape), *decoder(state, shape)])
    model.load_state_dict({**named, "quantize.embedding.weight": state["quantizer.codebook"]})
    return model.eval()


def export_diffusers(tokenizer: Tokenizer, folder: Path) -> None:
    """Writes a folder that ``diffusers.VQModel.from_pretrained`` loads.

    Raises:
        ValueError: as ``to_diffusers``, before anything is written.
    """
    to_diffusers(tokenizer).save_pretrained(folder)
