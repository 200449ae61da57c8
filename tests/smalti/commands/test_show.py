"""``smalti show``: what a folder says of itself."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from smalti import Prior, Tokenizer
from smalti.commands.show import class_lines

TEACHER = "efficientnet_lite0 in stage {}, Apache-2.0, sha256 579344248a93e230"


def rows(text: str) -> dict[str, list[str]]:
    """The lines of each name, in order."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        name = line[:12].strip() or name
        found.setdefault(name, []).append(line[12:])
    return found


def test_a_tokenizer(published: dict[str, Path], tokenizer: Tokenizer, run: Callable[..., str]) -> None:
    found = rows(run("show", published["decoder"]))
    manifest = json.loads((published["decoder"] / "manifest.json").read_text())
    number = sum(parameter.numel() for parameter in tokenizer.network.parameters())
    made_by = manifest["made_by"]
    made_at = f", commit {made_by['git'][:12]}" if made_by["git"] else ""
    assert found == {
        "kind": ["tokenizer (seqgan_pooled, projected_cosine)"], "books": ["1"], "codes": ["64"], "grid": ["8 x 8"],
        "image size": ["64"], "parameters": [f"{number:,}"],
        "tokens": [f"of phase 1 {published_digest(published)}"],
        "teachers": [TEACHER.format(stage) for stage in ("decoder", "tokenizer", "codebook")],
        "from": [f"stage decoder, key {manifest['key']}, {made_by['finished']}{made_at}"],
    }  # fmt: skip


def published_digest(published: dict[str, Path]) -> str:
    return json.loads((published["tokenizer"] / "manifest.json").read_text())["digest"][:16]


def test_a_prior(prior: Prior, published: dict[str, Path], run: Callable[..., str]) -> None:
    found = rows(run("show", published[f"{prior.saved.prior}_prior"]))
    assert found["kind"] == [{"ar": "prior (AR prior)", "nar": "prior (NAR prior)"}[prior.saved.prior]]
    assert found["classes"] == [f"9: {', '.join(prior.class_names)}"] and found["grid"] == ["8 x 8"]
    assert found["settings"] == [
        {
            "ar": "temperature=1.0, temperatures=[], top_k=0, top_k_share=null, top_p=0.95",
            "nar": "steps=4, token_temperature=1.0, choice_temperature=4.5, choice_space=log_probability, "
            "schedule=cosine",
        }[prior.saved.prior],
        "guidance: scale=[2.0], parameter=s, form=constant, power=1.0, interval=[0.0, 1.0]",
    ]
    assert found["teachers"] == [TEACHER.format(stage) for stage in ("tokenizer", "codebook")]
    assert found["parameters"] == [f"{sum(p.numel() for p in prior.network.parameters()):,}"]
    assert found["tokens"] == [f"of phase 1 {published_digest(published)}"]


def test_a_saved_folder_says_what_the_result_said(
    prior: Prior, published: dict[str, Path], tmp_path: Path, run: Callable[..., str]
) -> None:
    prior.save(tmp_path / "prior")
    prior.tokenizer.save(tmp_path / "tokenizer")
    assert run("show", tmp_path / "prior") == run("show", published[f"{prior.saved.prior}_prior"])
    assert run("show", tmp_path / "tokenizer") == run("show", published["decoder"])


def test_as_json(prior: Prior, published: dict[str, Path], run: Callable[..., str]) -> None:
    """The same facts as values: nothing has to be read out of a sentence."""
    found = json.loads(run("show", published[f"{prior.saved.prior}_prior"], "--json"))
    assert found["classes"] == list(prior.class_names) and found["grid"] == [8, 8] and found["books"] == 1
    assert found["settings"]["guidance"]["scale"] == [2.0] and found["tokens"] == prior.saved.tokens
    assert found["parameters"] == sum(parameter.numel() for parameter in prior.network.parameters())
    assert [teacher["licence"] for teacher in found["teachers"]] == ["Apache-2.0", "Apache-2.0"]
    assert found["from"]["stage"] == f"{prior.saved.prior}_prior" and len(found["from"]["digest"]) == 64


def test_where_a_parent_is_gone(published: dict[str, Path], tmp_path: Path, run: Callable[..., str]) -> None:
    folder = tmp_path / "artifacts" / "decoder" / published["decoder"].name
    shutil.copytree(published["decoder"], folder)
    assert rows(run("show", folder))["teachers"] == ["unknown: a result that it was made from is gone"]
    assert json.loads(run("show", folder, "--json"))["teachers"] is None


def test_other_results(published: dict[str, Path], refusal: Callable[..., str]) -> None:
    for stage in ("data", "codebook", "token_shards", "samples", "scores", "report"):
        said = refusal("show", published[stage])
        assert f"a result of stage {stage}; give one of tokenizer, decoder, ar_prior, nar_prior" in said


@pytest.mark.parametrize("number", [0, 1, 10, 1000])
def test_many_classes_are_counted_and_some_named(number: int) -> None:
    (line,) = class_lines([f"n{i}" for i in range(number)])
    expected = {0: "none", 1: "1: n0", 10: "10: n0, n1, n2, n3, n4, n5, n6, n7, n8, n9"}
    assert line == expected.get(number, "1000: n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, ...")
