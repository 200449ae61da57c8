"""Two books against one of the same total bits, and the heads of the factorised prior, on the embedded images.

    python -m benchmarks.factorised --runs runs --write docs/results/factorised.md

FQ rows have two books of ``--codes`` codes, disentangled or not, the second taught by Lite0's features or not; the
single books have as many codes as these have pairs (FQGAN Table 3). The heads (FQGAN Table 4) are trained on the tokens
of the first FQ row. Bits a position are those of all its books together.
"""

import sys

from benchmarks.table import Published, Row, figures, make_table, options

HEAD = (
    "| codebook | bits | train usage | uniform | perplexity | PSNR, dB | fd_efficientnet_lite2 | head | "
    "prior, bits/position | seconds |"
)

NOTE = """\
- The FQ rows differ from the single books in more than the number of books: their encoder has a transformer adapter for
  each book, and their books have entropy terms (0.03 each), neither of which FC + L2 and VQ have. The table doesn't
  tell apart what factorising alone gives.
"""


def table(codes: int) -> list[Row]:
    """Returns the rows for two books of ``codes`` codes."""
    bits, single = f"{2 * (codes.bit_length() - 1)}", codes**2
    size, loose = f"tokenizer.quantizer.book.num_codes={codes}", "tokenizer.quantizer.disentangle_weight=0"
    no_teacher = "tokenizer.representation=[]"

    def dual(name: str, head: str, *changes: str) -> Row:
        return Row((name, bits, head), "fqgan_dual", (size, *changes))

    return [
        dual("FQ dual", "FAR"),
        dual("FQ dual", "linear", "ar_prior.network.head={kind: linear}"),
        dual("FQ dual", "MLP", "ar_prior.network.head={kind: mlp}"),
        dual("FQ dual, not disentangled", "FAR", loose),
        dual("FQ dual, not taught", "FAR", no_teacher),
        dual("FQ dual, neither", "FAR", loose, no_teacher),
        Row(("FC + L2", bits, "one book"), "vqgan_fc_l2", (f"tokenizer.quantizer.num_codes={single}",)),
        Row(("VQ", bits, "one book"), "vqgan", (f"tokenizer.quantizer.num_codes={single}",)),
    ]  # fmt: skip


def line(row: Row, found: Published) -> str:
    """Returns a row of the table."""
    values, (name, bits, head) = figures(found), row.labels
    return (
        f"| {name} | {bits} | {values['usage']:.1%} | {values['uniform']:.1%} | {values['perplexity']:.0f} | "
        f"{values['psnr']:.2f} | {values['frechet']:.0f} | {head} | {values['bits_position']:.3f} | "
        f"{values['seconds']:.0f} |"
    )


def main() -> int:
    parser = options()
    parser.add_argument("--codes", type=int, default=64, help="of each book")
    words = parser.parse_args()
    rows = [Row(row.labels, row.method, (*row.changes, *words.set)) for row in table(words.codes)]
    make_table(rows, words, "Two books against one of the same bits", HEAD, line, NOTE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
