"""The page in a real browser, headless Chromium, served by Gradio itself."""

import io
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from smalti.commands import main
from smalti.demo.models import Models
from smalti.demo.page import build_page
from tests.browser import opened_browser
from tests.tiny_priors import SIDE, prior_of

S = 2 * SIDE


@pytest.fixture(scope="module")
def models() -> Models:
    nar = prior_of("nar")
    return Models(nar.tokenizer, {"NAR prior": nar, "AR prior": prior_of("ar")})


@pytest.fixture(scope="module")
def page(models: Models) -> Iterator[Page]:
    served = build_page(models)
    with opened_browser(offline=False) as page:
        served.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
        page.goto(served.local_url)
        page.set_default_timeout(10_000)
        yield page
        served.close()


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("picture") / "picture.png"
    pixels = np.random.default_rng(0).integers(0, 256, (S, S, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((256, 256), Image.Resampling.NEAREST).save(file)
    return file


def downloaded(page: Page, picture: Locator) -> np.ndarray:
    """The pixels that an image of the page was sent as."""
    source = picture.get_attribute("src")
    assert source
    return np.asarray(Image.open(io.BytesIO(page.request.get(source).body())).convert("RGB"))


def close(found: np.ndarray, expected: Image.Image) -> bool:
    """Whether both show the same: the page sends pictures with loss."""
    wanted = np.asarray(expected)
    return found.shape == wanted.shape and float(np.abs(found.astype(int) - wanted).mean()) < 6


def test_an_uploaded_picture_is_reconstructed(page: Page, models: Models, picture: Path) -> None:
    page.get_by_role("tab", name="Reconstruct").click()
    page.locator("input[type=file]").first.set_input_files(picture)
    shown, line = models.reconstruct(Image.open(picture))
    expect(page.locator("#told")).to_contain_text(line)
    pictures = page.locator("#tokens .gallery-item img, #tokens .thumbnail-item img")
    expect(pictures).to_have_count(3)
    for place, (expected, _) in enumerate(shown):
        assert close(downloaded(page, pictures.nth(place)), expected)


def test_images_of_a_class_by_either_prior(page: Page, models: Models) -> None:
    page.get_by_role("tab", name="Generate").click()
    tab = page.locator("[role=tabpanel]:visible")
    pictures = page.locator("#generated .gallery-item img, #generated .thumbnail-item img")
    for prior in ("AR prior", "NAR prior"):
        tab.get_by_label("Prior").click()
        page.get_by_role("option", name=prior, exact=True).click()
        tab.get_by_label("Class").click()
        page.get_by_role("option", name="dog").click()
        tab.get_by_label("Seed").fill("3")
        tab.get_by_label("Guidance").fill("2")
        tab.get_by_role("button", name="Generate").click()
        expect(pictures).to_have_count(8)
        expected = models.generate(prior, "dog", 8, 3, [2.0])
        page.wait_for_function("() => !document.querySelector('#generated .generating, #generated .pending')")
        page.wait_for_timeout(300)
        assert close(downloaded(page, pictures.nth(7)), expected[7]), prior


def test_a_wrong_value_is_told(page: Page) -> None:
    page.get_by_role("tab", name="Generate").click()
    tab = page.locator("[role=tabpanel]:visible")
    tab.get_by_label("Guidance").fill("much")
    tab.get_by_role("button", name="Generate").click()
    expect(page.get_by_text("guidance 'much': a number is needed, or one for each book")).to_be_visible()
    tab.get_by_label("Guidance").fill("")


def test_what_is_painted_over_is_drawn_anew(page: Page, models: Models, picture: Path) -> None:
    page.get_by_role("tab", name="Complete").click()
    tab = page.locator("[role=tabpanel]:visible")
    button, pictures = tab.get_by_role("button", name="Complete", exact=True), page.locator("#completed img")
    button.click()
    expect(page.get_by_text("no picture yet: upload one first")).to_be_visible()
    page.locator("#painting input[type=file]").first.set_input_files(picture)
    page.wait_for_timeout(1000)
    button.click()
    expect(page.get_by_text("nothing is painted: paint over what the prior shall draw anew")).to_be_visible()
    box = page.locator("#painting canvas").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.up()
    page.wait_for_timeout(500)
    button.click()
    expect(pictures).to_have_count(2)
    kept = downloaded(page, pictures.first).reshape(SIDE, 64, SIDE, 64, 3)
    inside = kept[:, 16:48, :, 16:48].astype(int)  # the page sends pictures with loss, which shows at edges
    grey = np.abs(inside - 128).max(axis=(1, 3, 4)) < 8
    assert grey[1:3, 1:3].all() and not grey[0].any() and not grey[:, 0].any(), "the middle is painted, the rim isn't"
    paint = Image.new("RGB", (256, 256))
    paint.paste((255, 255, 255), (64, 64, 192, 192))
    expected = models.complete("NAR prior", Image.open(picture), paint, "cat", 0, None)
    assert close(downloaded(page, pictures.nth(1)), expected[1][0])


def test_a_tokenizer_alone_has_one_tab(page: Page, models: Models) -> None:
    served = build_page(Models(models.tokenizer, {}))
    served.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
    other = page.context.new_page()
    other.goto(served.local_url)
    expect(other.get_by_role("tab")).to_have_count(1)
    other.close()
    served.close()


def test_wrong_folders_and_no_gradio(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["demo", str(tmp_path / "none")]) == 1
    assert "none" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert main(["demo", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "error: the page needs a further package: pip install 'smalti[demo]'\n"


def test_a_port_in_use(tmp_path: Path, models: Models, capsys: pytest.CaptureFixture[str]) -> None:
    models.tokenizer.save(tmp_path / "tokenizer")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["demo", str(tmp_path / "tokenizer"), "--port", port]) == 1
    assert port in capsys.readouterr().err
