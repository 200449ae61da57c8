"""``smalti import``: from a released file to a folder, or one line."""

import pickle
import re
import shlex
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import PROJECT
from released_vqgan import State, decoder_shapes, head_shapes, random_state, trunk_shapes

from smalti import Tokenizer
from smalti.commands import import_weights
from smalti.formats import FORMATS, import_tokenizer

K, D, SIZE = 11, 6, 32


def vqgan_state(style: str = "taming") -> State:
    shapes = trunk_shapes(style) | head_shapes(D) | decoder_shapes(style, D)
    return random_state(shapes | {"quantize.embedding.weight": (K, D)})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a released file and what may go wrong with one."""
    monkeypatch.chdir(tmp_path)
    state = vqgan_state()
    torch.save({"state_dict": state}, "vqgan.ckpt")
    Path("cut.ckpt").write_bytes(Path("vqgan.ckpt").read_bytes()[:20_000])
    Path("empty.ckpt").write_bytes(b"")
    torch.save({"epoch": 3}, "none.ckpt")
    torch.save({"state_dict": {name: value for name, value in state.items() if "up.0" not in name}}, "less.ckpt")
    torch.save({"state_dict": state | {"encoder.more.weight": torch.ones(2)}}, "more.ckpt")
    torch.save({"state_dict": state | {"post_quant_conv.bias": torch.ones(2)}}, "shape.ckpt")
    torch.save({"state_dict": state | {"post_quant_conv.bias": torch.full((24,), torch.nan)}}, "nan.ckpt")
    Path("vqgan.yaml").write_text(f"model: {{params: {{ddconfig: {{resolution: {SIZE}}}}}}}")
    Path("list.yaml").write_text("[1, 2]")
    return tmp_path


def test_a_folder_that_everything_reads(here: Path, run: Callable[..., str]) -> None:
    said = run("import", "vqgan.ckpt", "--format", "taming-vqgan", "--config", "vqgan.yaml", "--out", "released")
    assert said.startswith("released: VQGAN of taming-transformers")
    names = sorted(file.name for file in Path("released").iterdir())
    assert names == ["README.md", "config.json", "model.safetensors"]
    images = torch.rand(1, 3, SIZE, SIZE) * 2 - 1
    direct = import_tokenizer("vqgan.ckpt", "taming-vqgan", {"image_size": SIZE})
    assert torch.equal(Tokenizer.load("released").encode(images), direct.encode(images))
    shown = run("show", "released")
    assert "imported from taming-vqgan vqgan.ckpt, sha256 " in shown and "teachers" not in shown


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nowhere.ckpt"], "nowhere.ckpt: no such file"),
        (["cut.ckpt"], "cut.ckpt: cannot be read ("),
        (["empty.ckpt"], "empty.ckpt: cannot be read ("),
        (["none.ckpt"], "none.ckpt: holds no tensors by name"),
        (["less.ckpt"], "less.ckpt: "),
        (["more.ckpt"], "more.ckpt: 1 tensors that this format doesn't have, ['encoder.more.weight']"),
        (["shape.ckpt"], "shape.ckpt: decoder.post_quant.bias has shape (2,), expected (24,)"),
        (["nan.ckpt"], "model.safetensors: 24 of 24 numbers of decoder.post_quant.bias aren't finite"),
        (["vqgan.ckpt", "--set", "image_size=33"], "image_size 33: a multiple of 2 is needed"),
        (["vqgan.ckpt", "--set", "image_size=0"], "image_size 0: a whole number of at least 1 is needed"),
        (["vqgan.ckpt", "--set", "image_size=big"], "--set image_size=big: expected NAME=NUMBER"),
        (["vqgan.ckpt", "--set", "imagesize=32"], "format taming-vqgan: unknown setting 'imagesize'"),
        (["vqgan.ckpt", "--config", "list.yaml"], "--config list.yaml: holds list, a mapping is needed"),
        (["vqgan.ckpt", "--tokenizer", "x"], "--tokenizer x: taming-vqgan is a tokenizer itself; leave it out"),
        (["vqgan.ckpt", "--class-names", "x"], "--class-names x: a tokenizer has no classes; leave it out"),
    ],
)
def test_what_is_refused(words: list[str], expected: str, here: Path, refusal: Callable[..., str]) -> None:
    """In one line, and nothing is written."""
    before = sorted(here.rglob("*"))
    given = words if "--set" in words or "--config" in words else [*words, "--set", f"image_size={SIZE}"]
    assert expected in refusal("import", *given, "--format", "taming-vqgan", "--out", "out")
    assert [path for path in sorted(here.rglob("*")) if path.name != "out"] == before


def test_what_is_missing_is_asked_for(here: Path, refusal: Callable[..., str]) -> None:
    said = refusal("import", "vqgan.ckpt", "--format", "taming-vqgan", "--out", "out")
    assert said == "vqgan.ckpt: doesn't say the side of the images it was trained on; give --set image_size=NUMBER"


def test_another_format_is_told(here: Path, refusal: Callable[..., str]) -> None:
    said = refusal("import", "vqgan.ckpt", "--format", "llamagen-vq", "--out", "out")
    assert said.endswith("has no encoder.conv_blocks.0.res.0.conv1.weight; it looks like taming-vqgan or ibq")
    torch.save({"unrelated.weight": torch.ones(1)}, "other.pt")
    said = refusal("import", "other.pt", "--format", "fqgan", "--out", "out")
    assert said.endswith("it looks like none of the formats that are known")
    said = refusal("import", "other.pt", "--format", "far", "--out", "out")
    assert said == "--format far: a prior; name its tokenizer by --tokenizer FOLDER"


class Bomb:
    """An object whose unpickling would make a file."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, ("exploded", "w")


@pytest.mark.parametrize("old_format", [False, True])
def test_code_in_a_checkpoint_is_refused_by_name(old_format: bool, here: Path, refusal: Callable[..., str]) -> None:
    """Nothing runs, whichever of torch's two layouts the file has."""
    torch.save(
        {"state_dict": vqgan_state(), "callbacks": Bomb()}, "bomb.ckpt", _use_new_zipfile_serialization=not old_format
    )
    said = refusal("import", "bomb.ckpt", "--format", "taming-vqgan", "--set", "image_size=32", "--out", "out")
    assert said.startswith("bomb.ckpt: not read, for it would call io.open;") and "torch.save(" in said
    assert not Path("exploded").exists()


def test_a_plain_pickle_is_refused_too(here: Path, refusal: Callable[..., str]) -> None:
    Path("bomb.pt").write_bytes(pickle.dumps({"state_dict": Bomb()}))
    refusal("import", "bomb.pt", "--format", "taming-vqgan", "--set", "image_size=32", "--out", "out")
    assert not Path("exploded").exists()


def test_objects_of_lightning_and_omegaconf_are_shelved(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Lightning checkpoint's callbacks and settings are read as empty shells: their packages needn't be there, and
    nothing of theirs is called."""
    module = types.ModuleType("omegaconf.dictconfig")
    kind = type(
        "DictConfig", (dict,), {"__module__": "omegaconf.dictconfig", "__reduce__": lambda self: (kind, ({"a": 1},))}
    )
    module.DictConfig = kind  # type: ignore[attr-defined]
    for name in ("omegaconf", "omegaconf.dictconfig"):
        monkeypatch.setitem(sys.modules, name, module)
    beside = {"hyper_parameters": kind(a=1), "callbacks": {"best": np.float64(3.5)}, "lr": np.arange(3)}
    torch.save({"state_dict": vqgan_state(), **beside}, "light.ckpt")
    monkeypatch.delitem(sys.modules, "omegaconf.dictconfig")
    found = import_tokenizer("light.ckpt", "taming-vqgan", {"image_size": SIZE})
    assert found.num_codes == K and "omegaconf.dictconfig" not in sys.modules


def test_formats_that_help_lists_are_those_of_the_library() -> None:
    """They are written twice, so that help needn't import torch."""
    assert list(import_weights.FORMATS) == list(FORMATS)


def gpt_shapes(width: int) -> dict[str, tuple[int, ...]]:
    """A LlamaGen GPT of one layer and two classes, of a width whose heads are known."""
    block = {"attention.wqkv": (3 * width, width), "attention.wo": (width, width), "feed_forward.w1": (8, width)}
    block |= {
        "feed_forward.w3": (8, width),
        "feed_forward.w2": (width, 8),
        "attention_norm": (width,),
        "ffn_norm": (width,),
    }
    ends = {
        "cls_embedding.embedding_table": (3, width),
        "tok_embeddings": (K, width),
        "output": (K, width),
        "norm": (width,),
    }
    return {
        f"{name}.weight": shape
        for name, shape in (ends | {f"layers.0.{name}": value for name, value in block.items()}).items()
    }


def test_the_readmes_commands(here: Path, run: Callable[..., str]) -> None:
    """A tokenizer with its yaml, one with a setting, and a prior on it: from files of these names to images."""
    commands = re.findall(r"(?m)^smalti (import .*)$", (PROJECT / "README.md").read_text())
    Path("vqgan.ckpt").rename("vqgan_imagenet_f16_16384.ckpt")
    Path("vqgan.yaml").rename("model.yaml")
    torch.save({"model": vqgan_state("llamagen") | {"quantize.codebook_used": torch.zeros(1)}}, "vq_ds16_c2i.pt")
    torch.save({"model": random_state(gpt_shapes(768))}, "c2i_L_256.pt")
    for command in commands:
        run(*shlex.split(command))
    assert {path.name for path in Path().iterdir() if path.is_dir()} == {"vqgan", "llamagen", "llamagen_gpt"}
