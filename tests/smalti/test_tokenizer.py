"""The tokenizer as its user has it: loading, reading, encoding, decoding."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from datamodules.index import ImageIndex
from smalti import Tokenizer
from smalti.artifact import Artifact
from smalti.pixels import from_uint8, to_uint8

HEAVY = {
    "faiss", "lightning", "lpips", "open_clip", "pandas", "scipy", "sklearn", "sympy", "timm", "torch._dynamo",
    "torch_fidelity", "torchmetrics", "torchvision", "transformers", "vector_quantize_pytorch",
}  # fmt: skip
USE = """
import sys, smalti, torch
tokenizer = smalti.Tokenizer.load(sys.argv[1])
tokenizer.decode(tokenizer.encode(torch.zeros(2, 3, 64, 64)))
for folder in sys.argv[2:]:
    smalti.Prior.load(folder, tokenizer).generate(classes=[0])
print(sorted(name for name in sys.modules if name.partition(".")[0] != "smalti"))
"""


def images(size: int = 4, height: int = 64, width: int = 64) -> Tensor:
    """Random images that an 8-bit file can hold."""
    pixels = torch.randint(0, 256, (size, 3, height, width), generator=torch.Generator().manual_seed(1))
    return from_uint8(pixels.to(torch.uint8))


def picture(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_tokens_are_those_that_were_published(published: dict[str, Path], tokenizer: Tokenizer) -> None:
    """Image files read and encoded here give the shards of stage token_shards, bit for bit; so does phase 1."""
    data, folder = Artifact(published["data"]), published["token_shards"] / "val"
    index = ImageIndex(data.path, data.path.parents[2] / data.facts["root"])
    rows, members = np.load(folder / "tokens-00000.npy"), np.load(folder / "index.npy")
    files = [index.root / index.name(int(member)) for member in members]
    found = tokenizer.encode(tokenizer.read(*files))
    assert found.dtype == torch.int64 and found.shape == (len(rows), 8, 8)
    assert np.array_equal(found.flatten(1).numpy(), rows[:, 0])  # view 0: the centre, unflipped
    assert Tokenizer.load(published["tokenizer"]).encode(tokenizer.read(*files)).equal(found)


def test_phase_2_decodes_the_same_tokens_by_another_decoder(published: dict[str, Path], tokenizer: Tokenizer) -> None:
    first = Tokenizer.load(str(published["tokenizer"]))
    tokens = tokenizer.encode(images())
    one, two = first.decode(tokens), tokenizer.decode(tokens)
    assert one.shape == two.shape == (4, 3, 64, 64) and not one.equal(two)
    assert two.min() >= -1 and two.max() <= 1
    counts = [sum(p.numel() for p in each.network.parameters()) for each in (first, tokenizer)]
    assert counts[1] > counts[0]


def test_what_it_says_of_itself(tokenizer: Tokenizer) -> None:
    said = (tokenizer.image_size, tokenizer.grid, tokenizer.num_books, tokenizer.num_codes, str(tokenizer.device))
    assert said == (64, (8, 8), 1, 64, "cpu")
    assert (
        repr(tokenizer) == "Tokenizer(seqgan_pooled, projected_cosine, books=1, codes=64, grid=(8, 8), image_size=64)"
    )


def test_loading_changes_nothing_around_it(published: dict[str, Path]) -> None:
    """Neither the caller's random state nor autograd: nothing here is to be trained."""
    before = torch.get_rng_state()
    tokenizer = Tokenizer.load(published["decoder"])
    assert torch.get_rng_state().equal(before)
    assert not tokenizer.network.training and not any(p.requires_grad for p in tokenizer.network.parameters())
    assert not tokenizer.decode(tokenizer.encode(images().requires_grad_())).requires_grad


def test_an_image_has_the_same_tokens_in_every_batch(tokenizer: Tokenizer) -> None:
    together = tokenizer.encode(images(5))
    assert torch.cat([tokenizer.encode(image[None]) for image in images(5)]).equal(together)
    alone = torch.cat([tokenizer.decode(tokens[None]) for tokens in together])
    assert torch.allclose(alone, tokenizer.decode(together), atol=1e-5)


def test_images_of_other_sizes(tokenizer: Tokenizer) -> None:
    """Both sides are multiples of a token's; phase 2's attention wants multiples of its blocks, too."""
    tokens = tokenizer.encode(images(2, 128, 96))
    assert tokens.shape == (2, 16, 12) and tokenizer.decode(tokens).shape == (2, 3, 128, 96)
    with pytest.raises(ValueError, match="images of 60 x 64 px; both sides must be multiples of 8"):
        tokenizer.encode(images(1, 60, 64))
    with pytest.raises(
        ValueError, match="block size 4 must divide the map of 9 x 9; choose other block_sizes or images"
    ):
        tokenizer.decode(tokenizer.encode(images(1, 72, 72)))


def test_an_empty_batch_stays_empty(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode(torch.zeros(0, 3, 128, 64))
    assert tokens.shape == (0, 16, 8) and tokens.dtype == torch.int64
    assert tokenizer.decode(tokens).shape == (0, 3, 128, 64)


def test_images_of_other_precision(tokenizer: Tokenizer) -> None:
    halves = images().half()
    assert tokenizer.encode(halves).equal(tokenizer.encode(halves.float()))
    assert tokenizer.encode(images().double()).equal(tokenizer.encode(images()))


def test_tokens_of_any_integer_type(tokenizer: Tokenizer) -> None:
    """Shards hold uint16, which PyTorch has no minimum of."""
    tokens = tokenizer.encode(images())
    for kind in (torch.uint16, torch.uint8, torch.int32):
        assert tokenizer.decode(tokens.to(kind)).equal(tokenizer.decode(tokens))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (images()[0], r"images of shape \(3, 64, 64\); \(B, 3, H, W\) is needed"),
        (images()[:, :1], r"images of shape \(4, 1, 64, 64\)"),
        (torch.zeros(1, 3, 0, 64), "images of 0 x 64 px"),
        (to_uint8(images()), r"images of torch\.uint8; .* smalti\.pixels\.from_uint8 scales uint8"),
        (images() * 1.1, r"images in \[-1\.1, 1\.1\]; \[-1, 1\] is needed: clamp them"),
        (images() * 127.5 + 127.5, r"images in \[0, 255\].* scale 0\.\.255 by x / 127\.5 - 1"),
        (images() * torch.nan, "some values are NaN"),
        (images() * torch.inf, r"images in \[-inf, inf\]"),
        (images().numpy(), r"ndarray given, a tensor is needed; read\(\) takes files and PIL images"),
    ],
)
def test_images_that_are_refused(tokenizer: Tokenizer, given: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        tokenizer.encode(given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (torch.zeros(8, 8, dtype=torch.int64), r"tokens of shape \(8, 8\); those of this tokenizer are \(B, h, w\)"),
        (torch.zeros(2, 1, 8, 8, dtype=torch.int64), r"\(2, 1, 8, 8\)"),
        (torch.zeros(2, 0, 8, dtype=torch.int64), "an image has at least one token"),
        (torch.zeros(2, 8, 8), r"tokens of torch\.float32; whole numbers in \[0, 64\) are needed"),
        (torch.zeros(2, 8, 8, dtype=torch.bool), r"tokens of torch\.bool"),
        (torch.full((2, 8, 8), 64), "tokens from 64 to 64; this tokenizer has codes 0 to 63"),
        (torch.full((2, 8, 8), -1), "tokens from -1 to -1"),
        (np.zeros((2, 8, 8), dtype=np.int64), r"ndarray given, a tensor is needed; torch\.from_numpy makes one"),
    ],
)
def test_tokens_that_are_refused(tokenizer: Tokenizer, given: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        tokenizer.decode(given)


def test_a_file_by_path_by_text_and_by_pillow(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """The centre square of a wide picture: ADM's box halving, then bicubic, written out."""
    wide, file = picture(150, 140), tmp_path / "wide.png"
    wide.save(file)
    halved = wide.resize((75, 70), Image.Resampling.BOX).resize((round(75 * 64 / 70), 64), Image.Resampling.BICUBIC)
    left = (halved.width - 64) // 2
    expected = np.asarray(halved.crop((left, 0, left + 64, 64)), dtype=np.float32) / 127.5 - 1
    found = tokenizer.read(file, str(file), wide)
    assert found.shape == (3, 3, 64, 64) and found.dtype == torch.float32
    for row in found:
        assert np.abs(row.numpy().transpose(1, 2, 0) - expected).max() < 1e-6


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK", "YCbCr", "HSV"])
def test_pictures_of_every_mode_become_rgb(tokenizer: Tokenizer, mode: str) -> None:
    """A dark grey picture whose right half is white, whatever holds it; what is transparent is white."""
    grey = np.full((64, 64), 51, dtype=np.uint8)
    grey[:, 32:] = 255
    if mode == "1":
        grey[grey == 51] = 0
    if mode == "I;16":
        image = Image.fromarray((grey.astype(np.uint16)) * 257)
    elif mode in ("LA", "RGBA"):
        image = Image.fromarray(np.full_like(grey, 51)).convert(mode)
        image.putalpha(Image.fromarray(np.where(grey == 255, 0, 255).astype(np.uint8)))
    else:
        image = Image.fromarray(grey).convert("RGB").convert(mode)
    assert image.mode == mode
    found = to_uint8(tokenizer.read(image))[0]
    assert (found.int() - torch.from_numpy(grey).int()).abs().max() <= 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], "no images given"),
        (["nowhere.png"], r"nowhere\.png: cannot be read \(No such file or directory\)"),
        (["."], r"\.: cannot be read \(Is a directory\)"),
        (
            ["text.png"],
            r"text\.png: no readable image \(cannot identify it as one of BMP, GIF, JPEG, PNG, TIFF, WEBP\)",
        ),
        (["cut.png"], r"cut\.png: no readable image \(OSError: "),
        ([["cut.png"]], "list given; it takes files and PIL images, one after another"),
        ([np.zeros((64, 64, 3))], "ndarray given"),
        ([picture(64, 64), Image.new("RGB", (0, 5))], r"PIL image 1: no readable image \(0 x 5 px\)"),
        ([Image.new("RGB", (1, 500))], r"PIL image 0: no readable image \(1 x 500 px, one side more than 100 times"),
    ],
)
def test_what_cannot_be_read(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[Any], expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.png").write_text("not an image")
    picture(64, 64).save("whole.png")
    Path("cut.png").write_bytes(Path("whole.png").read_bytes()[:6000])
    with pytest.raises(ValueError, match=expected) as refusal:
        tokenizer.read(*given)
    assert "0x" not in str(refusal.value)  # no address in memory


def test_a_picture_that_breaks_off_is_named(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """Pillow reads pixels late: an opened file may still fail."""
    picture(64, 64).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:6000])
    with Image.open(tmp_path / "cut.png") as image, pytest.raises(ValueError, match="no readable image"):
        tokenizer.read(image)


def test_use_imports_nothing_that_trains(published: dict[str, Path], tmp_path: Path) -> None:
    """No training framework, no feature network, no compiler: each costs seconds."""
    folders = [str(published[stage]) for stage in ("decoder", "ar_prior", "nar_prior")]
    done = subprocess.run([sys.executable, "-c", USE, *folders], capture_output=True, text=True, check=True)
    modules = json.loads(done.stdout.replace("'", '"'))
    assert "torch" in modules and not HEAVY & set(modules)
