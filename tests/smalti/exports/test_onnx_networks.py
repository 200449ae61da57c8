"""Tokenizers as ONNX, run by onnxruntime: the same tokens and pixels, for batches of any size."""

import sys
from pathlib import Path

import onnxruntime
import pytest
import torch
from released_vqgan import decoder_shapes, head_shapes, random_state, trunk_shapes

from smalti import Tokenizer
from smalti.codebooks import empty_published
from smalti.config.codebooks import FactorisedConfig, IndexPropagationConfig, LearnedCosineConfig, ResidualConfig
from smalti.exports.onnx_networks import densely, export_onnx
from smalti.formats import import_tokenizer


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    shapes = trunk_shapes("taming") | head_shapes(6) | decoder_shapes("taming", 6)
    torch.save(random_state(shapes | {"quantize.embedding.weight": (11, 6)}), tmp_path / "vqgan.pt")
    return import_tokenizer(tmp_path / "vqgan.pt", "taming-vqgan", {"image_size": 32})


def test_onnxruntime_agrees(tokenizer: Tokenizer, tmp_path: Path) -> None:
    export_onnx(tokenizer, tmp_path / "onnx")
    encoder, decoder = (
        onnxruntime.InferenceSession(tmp_path / "onnx" / f"{name}.onnx") for name in ("encoder", "decoder")
    )
    for number in (1, 5):
        images = torch.rand(number, 3, 32, 32) * 2 - 1
        tokens = tokenizer.encode(images)
        assert len(tokens.unique()) > 3
        (found,) = encoder.run(None, {"images": images.numpy()})
        assert torch.equal(torch.from_numpy(found), tokens)
        (pixels,) = decoder.run(None, {"tokens": tokens.numpy()})
        torch.testing.assert_close(torch.from_numpy(pixels), tokenizer.decode(tokens), rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match="exists; delete it"):
        export_onnx(tokenizer, tmp_path / "onnx")


@pytest.mark.parametrize(
    "config",
    [
        LearnedCosineConfig(num_codes=8),
        IndexPropagationConfig(num_codes=8),
        FactorisedConfig(book=LearnedCosineConfig(num_codes=8)),
        ResidualConfig(num_books=3),
    ],
)
def test_the_dense_search_finds_the_same_codes(config: object) -> None:
    """In every kind that holds tables, also several."""
    quantizer = empty_published(config, 6, 8)  # type: ignore[arg-type]
    for name, table in quantizer.named_buffers():
        assert name.endswith("codebook")
        table.normal_()
    latents = torch.randn(2, 6, 4, 4)
    before, tables = quantizer.encode(latents), [table.data_ptr() for table in quantizer.buffers()]
    dense = densely(quantizer)
    assert torch.equal(dense.encode(latents), before)  # type: ignore[operator]
    assert [table.data_ptr() for table in dense.buffers()] == tables


def test_without_the_package(tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ValueError, match=r"ONNX needs further packages: pip install 'smalti\[onnx\]'"):
        export_onnx(tokenizer, tmp_path / "onnx")
    assert not (tmp_path / "onnx").exists()
