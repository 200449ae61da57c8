"""The page of the claims, and its chart, from made-up figures."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from configs.schema.claims import ClaimConfig
from pipeline.claims import Claim, Run
from smalti.config.parsing import parse
from stages.results.claim_outcome import Outcome, commit_of, value_at
from stages.results.claims_chart import compared_figures, draw
from stages.results.claims_page import page, shown_spread

CONFIG = parse(
    ClaimConfig,
    {
        "order": 1, "claim": "More is less.", "printed": "Paper Table 1", "recipe": "smoke", "reference": "a",
        "figures": {
            "loss": {"at": "ar_prior:val_loss_nats", "decimals": 3, "better": "lower"},
            "usage": {"at": "scores:usage", "percent": True, "decimals": 1, "better": "higher"},
            "seen": {"at": "scores:seen"},
        },
        "variants": {
            "a": {"seeds": 3, "paper": {"rFID": 3.45, "AR FID": 17}}, "b": {}, "c": {"seeds": 3},
            "d": {"only_full": True},
        },
        "expected": [
            {"figure": "loss", "larger": "a", "smaller": "b"},
            {"figure": "usage", "larger": "c", "smaller": "a", "margin": -0.02},
            {"figure": "loss", "larger": "a", "smaller": "c", "paired": True},
            {"figure": "loss", "larger": "d", "smaller": "a"},
        ],
        "why": "It is small.",
    },
    "trial.yaml", {},
)  # fmt: skip
VALUES = {
    "a": {"loss": {0: 3.0, 1: 3.1, 2: 3.2}, "usage": {0: 0.9, 1: 0.9, 2: 0.9}, "seen": {}},
    "b": {"loss": {0: 2.0}, "usage": {0: 0.5}, "seen": {}},
    "c": {"loss": {0: 2.99, 2: 3.19}, "usage": {0: 0.89, 1: 0.89}, "seen": {}},
}


def outcome(values: dict[str, dict[str, dict[int, float]]]) -> Outcome:
    runs = tuple(Run(name, 0, Path("smoke"), (), ()) for name in "abc")
    return Outcome(
        Claim("more_is_less", CONFIG, False, runs), values, {"x": 1000.0, "y": 234.4}, frozenset({"abc with changes"})
    )


def test_comparisons_go_by_spread_pair_and_margin() -> None:
    first, second, third = outcome(VALUES).compared  # of the full variant there is none
    assert first.difference is not None and second.difference is not None and third.difference is not None
    assert first.difference.mean == pytest.approx(1.1)
    assert first.difference.error == pytest.approx((0.1**2 / 3 + 0.1**2) ** 0.5), "b has the reference's spread"
    assert (second.difference.mean, second.difference.error, second.verdict) == (pytest.approx(-0.01), 0, "holds")
    assert third.difference.mean == pytest.approx(0.01) and third.difference.error == pytest.approx(0)
    assert outcome(VALUES).verdict == "holds"


def test_page_says_what_was_found() -> None:
    said = page([outcome(VALUES)], "make claims", "claims.svg").splitlines()
    assert "| More is less. | Paper Table 1 | **holds** | 1,234 |" in said
    assert page([outcome(VALUES)] * 2, "make claims", "claims.svg").count("share some: 1,234 in all") == 1
    assert "| variant | the paper | loss ↓ | usage ↑ | seen | seeds |" in said
    assert "| a | rFID 3.45, AR FID 17 | 3.100 ± 0.100 | 90.0 ± 0.0 % | - | 3 |" in said
    assert "| b | - | 2.000 | 50.0 % | - | 1 |" in said
    assert "| loss: a > b | 1.100 | 0.231 | holds |" in said
    assert "| usage: c > a less 2.0 % | -1.0 % | 0.0 % | holds |" in said
    assert "| loss: a > c, seed by seed | 0.010 | 0.000 | holds |" in said
    assert "## 1. More is less: holds" in said and "Why: It is small." in said
    assert any("`make claims`, by results of commit abc with changes" in line for line in said)
    assert "![the claims' figures](claims.svg)" in said


def test_what_isnt_there_isnt_judged() -> None:
    some = VALUES | {"b": {"loss": {}, "usage": {}, "seen": {}}}
    assert [found.verdict for found in outcome(some).compared] == ["can't be told", "holds", "holds"]
    assert outcome(some).verdict == "can't be told"
    said = page([outcome(some)], "make claims", "claims.svg")
    assert "| loss: a > b | - | - | can't be told |" in said and "| b | - | - | - | - | 0 |" in said
    none = outcome({name: {figure: {} for figure in CONFIG.figures} for name in "abc"})
    said = page([none], "make claims", "claims.svg")
    assert "| not tried yet |" in said and "## 1." not in said


def test_a_second_verdict_against_it_is_enough() -> None:
    worse = VALUES | {"b": {"loss": {0: 4.0}, "usage": {0: 0.5}, "seen": {}}}
    assert outcome(worse).verdict == "doesn't hold"


def test_figures_are_shown_with_their_spread() -> None:
    usage = CONFIG.figures["usage"]
    assert shown_spread(None, usage) == "-"
    assert shown_spread(outcome(VALUES).spread("a", "usage"), usage) == "90.0 ± 0.0 %"


def test_chart_is_small_and_the_same_again(tmp_path: Path) -> None:
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    for file in (first, second):
        draw([outcome(VALUES)] * 9, file)
    assert first.read_bytes() == second.read_bytes() and first.stat().st_size < 300_000
    texts = [element.text for element in ElementTree.parse(first).iter() if element.tag.endswith("text")]
    assert "more is less: holds" in texts and "usage (%), higher is better" in texts and "a" in texts
    assert compared_figures(outcome(VALUES)) == ["loss", "usage"]
    draw([], first)
    assert ElementTree.parse(first)


def test_values_and_commits_are_read_from_results() -> None:
    facts = {"generation": {"ar/phase1": {"frechet": None, "class_agreement": {"balanced": 0.5}}}, "is": True}
    assert value_at(facts, "generation.ar/phase1.class_agreement.balanced") == 0.5
    assert value_at(facts, "generation.ar/phase1.frechet") is None and value_at(facts, "is") is None
    assert value_at(facts, "generation.ar/phase1.frechet.mean") is None and value_at(facts, "nowhere") is None
    assert commit_of({"git": "0123456789abcdef", "dirty": False}) == "0123456789ab"
