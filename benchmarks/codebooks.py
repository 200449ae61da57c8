"""Codebooks of several kinds and sizes at equal training on the embedded images, as one table.

    python -m benchmarks.codebooks --codes 1024 4096 16384 --runs runs --write docs/results/codebooks.md

Each row is a recipe of configs/small with another number of codes; only the codebook differs. ``uniform`` is the share
of codes that as many uniform draws as there are train tokens would hit.
"""

import json
import sys

from benchmarks.table import Published, Row, figures, make_table, options

METHODS = {"VQ": "vqgan", "FC": "vqgan_fc", "FC + L2": "vqgan_fc_l2", "EMA": "vqgan_ema", "LC": "vqgan_lc"}
HEAD = (
    "| codebook | K | train usage | uniform | perplexity | PSNR, dB | fd_efficientnet_lite2 | prior, bits/image | "
    "duplicate centres | seconds |"
)

NOTE = """\
- The LC rows are more than the paper's LC: their centres are whitened, and they have an entropy term (weight 0.015, at
  temperature 0.4), which VQ, FC and FC + L2 don't have. What they show is LC, entropy and whitening together; all rows
  have commitment 0.25 (the paper's LC: 1).
"""


def line(row: Row, found: Published) -> str:
    """Returns a row of the table."""
    values = figures(found)
    report = json.loads(found["codebook"].file("clustering.json").read_text()) if "codebook" in found else {}
    return (
        f"| {' | '.join(row.labels)} | {values['usage']:.1%} | {values['uniform']:.1%} | {values['perplexity']:.0f} | "
        f"{values['psnr']:.2f} | {values['frechet']:.0f} | {values['bits_image']:.0f} | "
        f"{report.get('duplicates', '-')} | {values['seconds']:.0f} |"
    )


def main() -> int:
    parser = options()
    parser.add_argument("--codes", type=int, nargs="+", default=[1024, 4096, 16_384])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    words = parser.parse_args()
    rows = []
    for num_codes in words.codes:
        for name in words.methods:
            target = "codebook.num_codes" if name == "LC" else "tokenizer.quantizer.num_codes"
            rows.append(Row((name, str(num_codes)), METHODS[name], (*words.set, f"{target}={num_codes}")))
    make_table(rows, words, "Codebooks at equal training", HEAD, line, NOTE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
