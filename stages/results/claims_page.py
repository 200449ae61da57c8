"""The page of the papers' claims, as Markdown: what is claimed, what the paper prints, what comes out here."""

from collections.abc import Sequence

from configs.schema.claims import ClaimFigureConfig
from stages.results.claim_outcome import Compared, Outcome
from stages.results.claim_verdict import ERRORS, Spread

RULE = f"""\
Each comparison of a claim goes by the difference of two means against its standard error, sqrt(s_a^2/n_a + s_b^2/n_b)
with the sample standard deviation s over seeds; a variant of one seed takes s of the claim's reference. Where two
variants are the same trainings but for what is compared, differences are taken seed by seed. A comparison *holds* if
the difference lies beyond its margin by more than {ERRORS:g} standard errors in the claimed direction, *doesn't hold*
if it does so in the other one, else it *can't be told*; a claim holds if all its comparisons do, and doesn't if one
doesn't. The rule is lax: of variants that are equal, {ERRORS:g} standard errors are passed by chance in 12 % of the
comparisons with three seeds each, in 18 % of those of three seeds with one, half of them in the claimed direction
(Student's t of 4 and of 2 degrees of freedom), so that a claim of many comparisons is easily refused by one of them:
see which. Seeds vary initial weights, order, augmentation, masks, centres and
samples; the split of the data is fixed."""


def shown(value: float, figure: ClaimFigureConfig) -> str:
    """Returns a figure as the tables show it.

    >>> shown(0.987, ClaimFigureConfig(at="scores:usage", percent=True, decimals=1))
    '98.7 %'
    """
    text = f"{value * (100 if figure.percent else 1):.{figure.decimals}f}"
    return f"{text} %" if figure.percent else text


def shown_spread(spread: Spread | None, figure: ClaimFigureConfig) -> str:
    """Returns mean and standard deviation, "-" for a figure that is absent."""
    if spread is None:
        return "-"
    if spread.deviation is None:
        return shown(spread.mean, figure)
    unit = " %" if figure.percent else ""
    return f"{shown(spread.mean, figure).removesuffix(unit)} ± {shown(spread.deviation, figure)}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table, its head first."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def page(outcomes: Sequence[Outcome], command: str, chart: str) -> str:
    """Returns the page; ``command`` makes it anew, ``chart`` is the picture's name."""
    seconds: dict[str, float] = {}
    for outcome in outcomes:
        seconds |= outcome.seconds
    commits = ", ".join(sorted(frozenset().union(*(outcome.commits for outcome in outcomes)))) or "none yet"
    head = (
        "# The papers' claims, tried at small scale\n\n"
        f"`{command}`, by results of commit {commits}. Short trainings on 3,094 images of 64 px, on which a claim may "
        "fail for want of length, data or size alone. Distances are Frechet distances of EfficientNet-Lite2's features "
        "(`fd_efficientnet_lite2`), never FID.\n"
    )
    summary = [["claim", "printed", "verdict", "seconds"]]
    for outcome in outcomes:
        config = outcome.claim.config
        verdict = f"**{outcome.verdict}**" if outcome.begun else "not tried yet"
        summary.append([config.claim, config.printed, verdict, f"{sum(outcome.seconds.values()):,.0f}"])
    total = f"{sum(seconds.values()):,.0f}"
    note = f"Seconds are those of all stages behind a claim, of which claims share some: {total} in all."
    parts = [head, table(summary), "", note, "", RULE, "", f"![the claims' figures]({chart})"]
    parts += [section(number, outcome) for number, outcome in enumerate(outcomes, 1) if outcome.begun]
    return "\n".join(parts) + "\n"


def section(number: int, outcome: Outcome) -> str:
    """Returns what the page says of one claim."""
    config, variants = outcome.claim.config, outcome.claim.variants
    marks = {None: "", "lower": " ↓", "higher": " ↑"}
    heads = [f"{name}{marks[figure.better]}" for name, figure in config.figures.items()]
    rows = [["variant", "the paper", *heads, "seeds"]]
    for name, variant in variants.items():
        paper = ", ".join(f"{key} {value:g}" for key, value in variant.paper.items()) or "-"
        cells = [shown_spread(outcome.spread(name, key), figure) for key, figure in config.figures.items()]
        seeds = max((len(by_seed) for by_seed in outcome.values[name].values()), default=0)
        rows.append([name, paper, *cells, str(seeds)])
    comparisons = [
        ["expected", "difference", "2 standard errors", "verdict"],
        *(line(outcome, compared) for compared in outcome.compared),
    ]
    return "\n".join([
        f"\n## {number}. {outcome.claim.name.replace('_', ' ').capitalize()}: {outcome.verdict}\n",
        f"{config.claim} *{config.printed}.*\n", table(rows), "", table(comparisons), "", f"Why: {config.why}",
    ])  # fmt: skip


def line(outcome: Outcome, compared: Compared) -> list[str]:
    """Returns the cells of a comparison."""
    item = compared.expected
    figure = outcome.claim.config.figures[item.figure]
    kept = f" less {shown(-item.margin, figure)}" if item.margin < 0 else ""
    more = f" by {shown(item.margin, figure)}" if item.margin > 0 else ""
    paired = ", seed by seed" if item.paired else ""
    said = f"{item.figure}: {item.larger} > {item.smaller}{kept}{more}{paired}"
    found = compared.difference
    if found is None:
        return [said, "-", "-", compared.verdict]
    error = "-" if found.error is None else shown(ERRORS * found.error, figure)
    return [said, shown(found.mean, figure), error, compared.verdict]
