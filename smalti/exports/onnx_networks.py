"""Encoder and decoder of a tokenizer as ONNX: images to tokens, and tokens to images."""

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from smalti.codebooks import FrozenCodebook, Quantizer
from smalti.codebooks.propagated import DotProductCodebook
from smalti.tokenizer import Tokenizer
from smalti.tokenizers.vq_tokenizer import VQTokenizer

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"


class DenseSearch(FrozenCodebook):
    """The nearest row by one product with the table, which any runtime has; here the search holds less at once."""

    def offset(self) -> Tensor:
        """Returns what is taken from each row's dot product."""
        return self.codebook.square().sum(1) / 2

    def encode(self, latents: Tensor) -> Tensor:
        return (latents.movedim(1, -1) @ self.codebook.T - self.offset()).argmax(-1)


class DenseDotProduct(DenseSearch):
    """The row of the largest dot product."""

    def offset(self) -> Tensor:
        return torch.zeros_like(self.codebook[:, 0])


def densely(module: nn.Module) -> nn.Module:
    """Returns the module with every table in it searched by one product; the tables are shared."""
    if isinstance(module, FrozenCodebook):
        dense = (DenseDotProduct if isinstance(module, DotProductCodebook) else DenseSearch)(*module.codebook.shape)
        dense.codebook = module.codebook
        return dense
    for name, part in module.named_children():
        setattr(module, name, densely(part))
    return module


class ImagesToTokens(nn.Module):
    """Images (B, 3, H, W) float32 in [-1, 1] to tokens (B, h, w), of k books (B, k, h, w), int64."""

    def __init__(self, network: VQTokenizer) -> None:
        super().__init__()
        self.encoder, self.quantizer = network.encoder, densely(copy.deepcopy(network.quantizer))

    def forward(self, images: Tensor) -> Tensor:
        assert isinstance(self.quantizer, Quantizer)
        return self.quantizer.encode(self.encoder(images))


class TokensToImages(nn.Module):
    """Tokens (B, h, w), of k books (B, k, h, w), int64, to images (B, 3, H, W) in [-1, 1]."""

    def __init__(self, network: VQTokenizer) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor) -> Tensor:
        return self.network.decode(tokens)


def export_onnx(tokenizer: Tokenizer, folder: Path) -> None:
    """Writes encoder.onnx (``images`` to ``tokens``) and decoder.onnx (``tokens`` to ``images``) into a new folder;
    batches of any size, images of the tokenizer's own.

    Raises:
        ValueError: the package onnxscript isn't there, or the folder is.
    """
    try:
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ValueError("ONNX needs further packages: pip install 'smalti[onnx]'") from error
    if folder.exists():
        raise ValueError(f"{folder} exists; delete it, or name another folder with --out")
    size, batch = tokenizer.image_size, torch.export.Dim("batch")
    images = torch.zeros(2, 3, size, size)
    graphs = {
        ENCODER: (ImagesToTokens(tokenizer.network), images, "images", "tokens"),
        DECODER: (TokensToImages(tokenizer.network), tokenizer.encode(images), "tokens", "images"),
    }
    made = {}
    for name, (network, example, given, found) in graphs.items():
        made[name] = torch.onnx.export(
            network.eval().cpu(), (example.cpu(),), dynamo=True, dynamic_shapes=[{0: batch}], input_names=[given],
            output_names=[found], verbose=False,
        )  # fmt: skip
    folder.mkdir(parents=True)
    for name, program in made.items():
        assert program is not None
        program.save(folder / name)
