"""The token viewer in a real browser, headless Chromium, from a file and without a network."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, Page

from smalti.artifact import Artifact
from smalti.codebooks import FactorisedCodebooks
from smalti.codebooks.factorised import encoder_penalty
from smalti.codebooks.frozen import FrozenCodebook
from smalti.views.alternatives import alternatives
from smalti.views.patches import CodePatches
from stages.results import token_viewer
from stages.results.report_page import Section, render
from stages.results.token_viewer import ViewedImage, viewer_markup
from tests.browser import opened_browser

LINE = FrozenCodebook.of(torch.arange(8.0)[:, None])  # code i lies at i
F, WHITE = 8, 255  # pixels of a token's side


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with opened_browser(offline=True) as page:
        yield page


def painted(tokens: torch.Tensor) -> torch.Tensor:
    """Red is 30 times the code of the first book, green 30 times that of the second; (B, 3, H, W)."""
    books = tokens if tokens.ndim == 4 else tokens[:, None]
    levels = torch.zeros(len(books), 3, *books.shape[2:])
    levels[:, : books.shape[1]] = 30 * books.float()
    return (levels / 127.5 - 1).repeat_interleave(F, 2).repeat_interleave(F, 3)


def viewed(title: str, tokens: torch.Tensor, quantizer: object) -> ViewedImage:
    found = alternatives(tokens, quantizer, painted, number=3)  # type: ignore[arg-type]
    image = ((painted(tokens[None])[0] + 1) * 127.5).round().to(torch.uint8).numpy()
    return ViewedImage(title, image, (tokens if tokens.ndim == 3 else tokens[None]).numpy(), found)


@pytest.fixture
def two_books(page: Page, tmp_path: Path) -> Locator:
    """A page with the viewer of two images of 4 x 4 tokens of two books."""
    tokens = torch.arange(16).view(4, 4) % 8
    books = FactorisedCodebooks([LINE, LINE], ["a", "b"], 0.0, encoder_penalty)
    first = torch.stack([tokens, torch.full((4, 4), 5)])
    images = [viewed("</script><b>first</b>", first, books), viewed("second", first.flip(0), books)]
    counts = np.stack([np.arange(8), np.full(8, 10)])
    patches = CodePatches([set(range(8)), set(range(8))], most=2)
    patches.see(images[0].image[None], first[None])
    file = tmp_path / "page.html"
    file.write_text(render("page", [Section("Tokens", "", markup=viewer_markup(images, counts, patches))]))
    return opened(page, file)


def opened(page: Page, file: Path) -> Locator:
    """The viewer of a page on disk, once its pictures are there; an error of its script fails the test."""
    page.on("pageerror", lambda error: pytest.fail(f"the script failed: {error}"))
    page.goto(file.as_uri())
    viewer = page.locator("#token-viewer")
    viewer.locator(".panel h3").wait_for()
    return viewer


def point(viewer: Locator, row: int, column: int, rows: int = 4, click: bool = False) -> None:
    stage = viewer.locator("canvas.stage")
    box = stage.bounding_box()
    assert box
    side = box["width"] / rows
    where = {"x": (column + 0.5) * side, "y": (row + 0.5) * side}
    stage.click(position=where) if click else stage.hover(position=where)  # type: ignore[arg-type]


def pixel(viewer: Locator, row: float, column: float) -> list[int]:
    """The colour of the stage at so many tokens from its top and left."""
    script = (
        "(c, [y, x]) => [...c.getContext('2d').getImageData("
        "Math.floor(x * c.width / 4), Math.floor(y * c.height / 4), 1, 1).data]"
    )
    found: list[int] = viewer.locator("canvas.stage").evaluate(script, [row, column])
    return found[:3]


def test_a_token_is_told_when_it_is_pointed_at(two_books: Locator) -> None:
    point(two_books, 1, 2)
    assert two_books.locator("h3").inner_text() == "Token at row 2, column 3"
    heads = two_books.locator("h4").all_inner_texts()
    assert heads[0].startswith("Book 0: code 6") and heads[1].startswith("Book 1: code 5")
    told = two_books.locator(".panel p").all_inner_texts()
    assert told[0] == "6 of 28 tokens (21.43 %) of the train images; 1 more in this image"
    assert "10 of 80 tokens (12.50 %) of the train images; 15 more in this image" in told
    assert two_books.locator(".patches").first.locator("canvas").count() == 1
    assert two_books.locator(".title").inner_text() == "</script><b>first</b>"


def test_frames_mark_where_else_its_code_occurs(two_books: Locator) -> None:
    point(two_books, 1, 2)  # code 6 of book 0, which stands at row 3, column 2 too
    blue = [0, 170, 255]
    assert pixel(two_books, 3.01, 2.5) == blue and pixel(two_books, 2.01, 2.5) != blue
    two_books.locator("button.book").last.click()  # book 1, the same code everywhere
    assert pixel(two_books, 2.01, 2.5) == blue


def test_a_click_holds_a_token_and_a_neighbour_changes_it(two_books: Locator) -> None:
    point(two_books, 1, 2, click=True)
    point(two_books, 0, 0)
    assert two_books.locator("h3").inner_text() == "Token at row 2, column 3, held"
    before = pixel(two_books, 1.5, 2.5)
    assert before[0] == 180 and before[1] == 150
    near = two_books.locator(".near").first.locator("button")
    changed = int(near.nth(2).inner_text())
    assert changed != 6
    near.nth(2).click()
    after = pixel(two_books, 1.5, 2.5)
    assert abs(after[0] - 30 * changed) <= 12 and abs(after[1] - 150) <= 12  # within WebP's loss
    assert two_books.locator("h4").first.inner_text().startswith(f"Book 0: code {changed}, in place of 6")
    assert two_books.locator(".near button[aria-pressed=true]").inner_text() == str(changed)
    two_books.locator(".reset").click()
    assert pixel(two_books, 1.5, 2.5) == before and two_books.locator(".reset").is_disabled()


def test_arrow_keys_move_within_the_image(two_books: Locator) -> None:
    two_books.locator("canvas.stage").focus()
    for key in ("ArrowUp", "ArrowLeft", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight"):
        two_books.page.keyboard.press(key)
    assert two_books.locator("h3").inner_text() == "Token at row 2, column 4, held"


def test_another_image_is_chosen(two_books: Locator) -> None:
    two_books.locator(".thumbs button").nth(1).click()
    assert two_books.locator(".title").inner_text() == "second"
    assert two_books.locator("h4").first.inner_text().startswith("Book 0: code 5")


def test_the_report_of_smoke_has_it_and_asks_nobody(page: Page, smoke: dict[str, Artifact]) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    file = smoke["report"].file("report.html")
    viewer = opened(page, file)
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    config, samples = smoke["views"].config["viewer"], smoke["samples"].facts["priors"]
    assert viewer.locator(".thumbs button").count() == config["reconstructions"] + config["samples"] * len(samples)
    [markup] = [s["markup"] for s in json.loads(smoke["views"].file("sections.json").read_text()) if s["markup"]]
    assert len(markup) < 10 * 2**20
    viewer.locator(".near button").first.click()
    assert viewer.locator(".reset").is_enabled()


def test_a_viewer_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_viewer, "MOST", 10_000)
    image = viewed("one", torch.zeros(4, 4, dtype=torch.int64), LINE)
    with pytest.raises(ValueError, match=r"takes 0\.\d MB, 10 MB is the most; lower views\.viewer\.samples"):
        viewer_markup([image], np.zeros((1, 8), dtype=np.int64), CodePatches([set()], 1))
