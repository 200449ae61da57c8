"""``smalti demo``: a page to try a tokenizer and its priors by hand."""

import argparse
from pathlib import Path

from smalti.commands.options import usable_device

TEXT = "opens a page to try them by hand: reconstruct pictures, see tokens, generate, paint over and complete"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", type=Path, help="what 'python -m pipeline export' wrote, or the folder of one saved tokenizer"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default 127.0.0.1: this machine)")
    parser.add_argument("--port", type=int, default=7860, metavar="N", help="port to listen at (default 7860)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1, mps")


def run(options: argparse.Namespace) -> None:
    """Serves until Ctrl-C.

    Raises:
        ValueError: no gradio, a folder of something else, or a port in use.
    """
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise ValueError("the page needs a further package: pip install 'smalti[demo]'") from error
    from smalti.demo.models import Models
    from smalti.demo.page import build_page

    page = build_page(Models.load(options.folder, usable_device(options.device)))
    page.launch(server_name=options.host, server_port=options.port)
