"""``smalti export``: a tokenizer in a form that other programs read."""

import argparse
from pathlib import Path

TEXT = "writes a tokenizer as diffusers' VQModel, or as ONNX graphs of its encoder and its decoder"
FORMATS = ("diffusers", "onnx")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tokenizer", type=Path, help="folder of a published or saved tokenizer")
    parser.add_argument("--format", required=True, choices=FORMATS, help="diffusers: VQGAN's networks alone; onnx: any")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the new folder to write")


def run(options: argparse.Namespace) -> None:
    """Writes the folder, or nothing."""
    from smalti.tokenizer import Tokenizer

    if options.out.exists():
        raise ValueError(f"{options.out} exists; delete it, or name another folder with --out")
    tokenizer = Tokenizer.load(options.tokenizer)
    if options.format == "onnx":
        from smalti.exports.onnx_networks import export_onnx

        export_onnx(tokenizer, options.out)
    else:
        from smalti.exports.diffusers_vq import export_diffusers

        export_diffusers(tokenizer, options.out)
    print(f"{options.out}: {options.format}")
