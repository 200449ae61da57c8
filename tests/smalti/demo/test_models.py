"""What the page does, without the page."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from smalti.demo.models import Models, painted_tokens, token_picture
from smalti.pixels import to_uint8
from tests.tiny_priors import SIDE, K, prior_of

S = 2 * SIDE  # pixels of an image's side
ENLARGED = 32  # 256 / S


def models(kind: str = "nar", books: int = 1) -> Models:
    prior = prior_of(kind, books)
    return Models(prior.tokenizer, {kind: prior})


def picture(seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (S, S, 3), dtype=np.uint8))


def small(shown: Image.Image) -> np.ndarray:
    """A shown picture's own pixels; each must be a square of one colour."""
    levels = np.asarray(shown)
    own = levels[::ENLARGED, ::ENLARGED]
    assert np.array_equal(own.repeat(ENLARGED, 0).repeat(ENLARGED, 1), levels)
    return own


@pytest.mark.parametrize("books", [1, 2])
def test_a_picture_and_its_reconstruction(books: int) -> None:
    page = models(books=books)
    shown, line = page.reconstruct(picture())
    titles = [title for _, title in shown]
    assert titles[:2] == ["given", "reconstruction"] and len(titles) == 2 + books
    assert np.array_equal(small(shown[0][0]), np.asarray(picture()))
    images = page.tokenizer.read(picture())
    tokens = page.tokenizer.encode(images)
    decoded = to_uint8(page.tokenizer.decode(tokens)).permute(0, 2, 3, 1).numpy()[0]
    assert np.array_equal(small(shown[1][0]), decoded)
    error = np.mean((decoded.astype(float) - np.asarray(picture())) ** 2)
    assert line.endswith(f"PSNR {10 * np.log10(255**2 / error):.1f} dB")
    assert len(tokens.unique()) > 1, "else it shows nothing"
    counts = [len(np.unique(book)) for book in tokens.reshape(books, -1).numpy()]
    assert line.startswith(f"4 x 4 tokens, different codes: {' + '.join(map(str, counts))}; ")


def test_a_colour_a_code() -> None:
    tokens = torch.arange(K).repeat(4)[: SIDE**2].view(SIDE, SIDE)
    colours = np.asarray(token_picture(tokens, S))[:: 2 * ENLARGED, :: 2 * ENLARGED].reshape(-1, 3)
    assert len({tuple(colour) for colour in colours.tolist()}) == K
    for code in range(K):
        assert len(np.unique(colours[tokens.flatten().numpy() == code], axis=0)) == 1


def test_images_of_a_class() -> None:
    page = models("ar")
    shown = page.generate("ar", "dog", 3, 7, None)
    expected = to_uint8(page.priors["ar"].generate(["dog"] * 3, seed=7)).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(np.stack([small(one) for one in shown]), expected)
    with pytest.raises(ValueError, match="unknown class 'cow'"):
        page.generate("ar", "cow", 1, 0, None)


def paint(left: int, upper: int, right: int, lower: int) -> Image.Image:
    painted = Image.new("RGB", (S, S))
    painted.paste((255, 255, 255), (left, upper, right, lower))
    return painted


def test_a_nar_prior_draws_what_is_painted() -> None:
    page = models()
    shown = page.complete("nar", picture(), paint(2, 2, 6, 3), "cat", 3, None)
    anew = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    anew[1, 1:3] = True  # a token whose patch is painted by half counts
    tokens = page.tokenizer.encode(page.tokenizer.read(picture()))
    whole = page.tokenizer.decode(page.priors["nar"].complete(tokens, ~anew, ["cat"], seed=3))
    assert [title for _, title in shown] == ["kept", "completed"]
    assert np.array_equal(small(shown[1][0]), to_uint8(whole)[0].permute(1, 2, 0).numpy())
    kept = to_uint8(page.tokenizer.decode(tokens))[0].permute(1, 2, 0).numpy()
    kept[2:4, 2:6] = 128
    assert np.array_equal(small(shown[0][0]), kept)


def test_an_ar_prior_goes_on_from_the_first_painted_row() -> None:
    page = models("ar")
    shown = page.complete("ar", picture(), paint(4, 4, 6, 6), None, 3, None)
    keep = torch.arange(SIDE)[:, None].expand(SIDE, SIDE) < 2
    tokens = page.tokenizer.encode(page.tokenizer.read(picture()))
    whole = page.tokenizer.decode(page.priors["ar"].complete(tokens, keep, seed=3))
    assert np.array_equal(small(shown[1][0]), to_uint8(whole)[0].permute(1, 2, 0).numpy())


def test_paint_lies_where_the_picture_is_cropped() -> None:
    """A wide picture: the centre square is what the tokenizer sees, of the paint as of the picture."""
    page, wide = models(), Image.new("RGB", (3 * S, S))
    wide.paste((255, 255, 255), (S, 0, S + 2, 2))
    assert painted_tokens(page.tokenizer.read(wide)[0, 0], page.tokenizer.grid).nonzero().tolist() == [[0, 0]]


def test_nothing_painted() -> None:
    with pytest.raises(ValueError, match="nothing is painted: paint over what"):
        models().complete("nar", picture(), Image.new("RGB", (S, S)), None, 0, None)


def test_a_folder_of_a_tokenizer_and_priors(tmp_path: Path) -> None:
    ar, nar = prior_of("ar"), prior_of("nar")
    ar.tokenizer.save(tmp_path / "tokenizer")
    ar.save(tmp_path / "ar")
    nar.save(tmp_path / "nar")
    found = Models.load(tmp_path)
    assert {title: prior.saved.prior for title, prior in found.priors.items()} == {"AR prior": "ar", "NAR prior": "nar"}
    assert Models.load(tmp_path / "tokenizer").priors == {}
    with pytest.raises(ValueError, match="not a tokenizer"):
        Models.load(tmp_path / "ar")
