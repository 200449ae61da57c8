"""The page, by Gradio: reconstruct, generate, complete."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import gradio as gr
import numpy as np
from PIL import Image

from smalti.demo.models import Models
from smalti.prior import Prior

T = TypeVar("T")
ONE_AT_A_TIME: dict[str, Any] = {"concurrency_id": "networks", "concurrency_limit": 1}
MOST = 16  # images of one click


def build_page(models: Models) -> gr.Blocks:
    """Returns the page; ``launch()`` serves it. Tabs that need a prior are there if one is."""
    with gr.Blocks(title="smalti", analytics_enabled=False) as page:
        gr.Markdown(f"# smalti\n\n`{models.tokenizer!r}`")
        with gr.Tab("Reconstruct"):
            reconstruct_tab(models)
        if models.priors:
            with gr.Tab("Generate"):
                generate_tab(models)
        if any(prior.saved.prior in ("ar", "nar") for prior in models.priors.values()):
            with gr.Tab("Complete"):
                complete_tab(models)
    return page


def reconstruct_tab(models: Models) -> None:
    """A picture to its tokens and back."""
    with gr.Row():
        picture = gr.Image(type="pil", image_mode="RGB", label="Picture", sources=["upload", "clipboard"], height=320)
        with gr.Column(scale=2):
            shown = gr.Gallery(label="Tokens", columns=3, object_fit="contain", height=320, elem_id="tokens")
            told = gr.Markdown(elem_id="told")

    def act(given: Image.Image | None) -> tuple[list[tuple[Image.Image, str]], str]:
        return models.reconstruct(needed(given))

    picture.upload(shown_errors(act), picture, [shown, told], **ONE_AT_A_TIME)


def generate_tab(models: Models) -> None:
    """New images of a class."""
    with gr.Row():
        with gr.Column():
            prior, class_name, seed, guidance = choices(models.priors)
            number = gr.Slider(1, MOST, value=8, step=1, label="Images")
            button = gr.Button("Generate", variant="primary")
        shown = gr.Gallery(label="Images", columns=4, object_fit="contain", height=560, elem_id="generated")

    def act(title: str, name: str | None, start: float, scale: str, count: float) -> list[Image.Image]:
        return models.generate(title, name or None, int(count), int(start), scales(scale))

    button.click(shown_errors(act), [prior, class_name, seed, guidance, number], shown, **ONE_AT_A_TIME)


def complete_tab(models: Models) -> None:
    """What is painted over is drawn anew."""
    able = {title: prior for title, prior in models.priors.items() if prior.saved.prior in ("ar", "nar")}
    gr.Markdown(
        "Upload a picture and paint over what shall be drawn anew. A NAR prior fills in what is painted, an AR prior "
        "goes on from the first row with paint."
    )
    with gr.Row():
        painting = gr.ImageEditor(
            type="pil", image_mode="RGBA", label="Painting", sources=["upload", "clipboard"], layers=False, height=480,
            brush=gr.Brush(default_size=24, colors=["#ff2b6a"], color_mode="fixed"), transforms=(), elem_id="painting",
        )  # fmt: skip
        with gr.Column():
            prior, class_name, seed, guidance = choices(able)
            button = gr.Button("Complete", variant="primary")
            shown = gr.Gallery(label="Completed", columns=2, object_fit="contain", height=320, elem_id="completed")

    def act(
        value: dict[str, Any] | None, title: str, name: str | None, start: float, scale: str
    ) -> list[tuple[Image.Image, str]]:
        picture = needed(value["background"] if value else None).convert("RGB")
        return models.complete(title, picture, paint_of(value), name or None, int(start), scales(scale))

    button.click(shown_errors(act), [painting, prior, class_name, seed, guidance], shown, **ONE_AT_A_TIME)


def choices(priors: dict[str, Prior]) -> tuple[gr.Dropdown, gr.Dropdown, gr.Number, gr.Textbox]:
    """Returns the fields that drawing needs: prior, class, seed, guidance."""
    titles = list(priors)

    def classes(title: str) -> dict[str, Any]:
        names = list(priors[title].class_names)
        return {"choices": names, "value": names[0] if names else None, "visible": bool(names)}

    prior = gr.Dropdown(titles, value=titles[0], label="Prior")
    class_name = gr.Dropdown(label="Class", elem_id="class", **classes(titles[0]))
    seed = gr.Number(0, label="Seed", precision=0)
    guidance = gr.Textbox(label="Guidance", placeholder="the recipe's; or a number, or one for each book")
    prior.change(lambda title: gr.update(**classes(title)), prior, class_name)
    return prior, class_name, seed, guidance


def scales(text: str) -> list[float] | None:
    """Returns guidance scales as they are typed, None for none.

    >>> scales(" 2 1.5"), scales("")
    ([2.0, 1.5], None)
    """
    try:
        return [float(word) for word in text.split()] or None
    except ValueError:
        raise ValueError(f"guidance {text!r}: a number is needed, or one for each book") from None


def paint_of(value: dict[str, Any] | None) -> Image.Image:
    """Returns what an ImageEditor was painted with: white where a layer isn't transparent, black elsewhere."""
    assert value is not None
    paint = np.zeros(value["background"].size[::-1], dtype=np.uint8)
    for layer in value["layers"]:
        paint[np.asarray(layer.getchannel("A")) > 0] = 255
    return Image.fromarray(paint).convert("RGB")


def needed(picture: Image.Image | None) -> Image.Image:
    """Returns the picture; ValueError if there is none."""
    if picture is None:
        raise ValueError("no picture yet: upload one first")
    return picture


def shown_errors(act: Callable[..., T]) -> Callable[..., T]:
    """Returns ``act``, whose ValueErrors the page shows as a message."""

    @wraps(act)
    def acting(*values: Any) -> T:
        try:
            return act(*values)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return acting
