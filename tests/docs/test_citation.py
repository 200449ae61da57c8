"""CITATION.cff is what version 1.2.0 of the Citation File Format takes, and names the three papers."""

import re
import tomllib
from typing import Any

import pytest
import yaml
from conftest import PROJECT

CITATION: dict[str, Any] = yaml.safe_load((PROJECT / "CITATION.cff").read_text())
# Of schema.json 1.2.0: what is required, and what else this file may use.
REQUIRED = {"cff-version", "message", "title", "authors"}
OPTIONAL = {"abstract", "keywords", "license", "references", "repository-code", "type", "url", "version"}
OF_A_REFERENCE = {"type", "title", "authors"}
OPTIONAL_OF_A_REFERENCE = {
    "collection-title", "conference", "end", "identifiers", "journal", "notes", "start", "status", "url", "year",
}  # fmt: skip
PAPERS = {
    "SeQ-GAN": ("Rethinking the Objectives of Vector-Quantized Tokenizers for Image Synthesis", "Gu", "2212.03185"),
    "VQGAN-LC": ("Scaling the Codebook Size of VQGAN to 100,000 with a Utilization Rate of 99%", "Zhu", "2406.11837"),
    "FQGAN": ("Factorized Visual Tokenization and Generation", "Bai", "2411.16681"),
}


def test_the_keys_are_those_of_the_format() -> None:
    assert CITATION.keys() >= REQUIRED and CITATION.keys() <= REQUIRED | OPTIONAL
    assert CITATION["cff-version"] == "1.2.0" and CITATION["type"] == "software"
    assert all(isinstance(CITATION[name], str) and CITATION[name] for name in ("message", "title", "version"))
    assert CITATION["authors"] and all(set(author) == {"name"} for author in CITATION["authors"])


@pytest.mark.parametrize("reference", CITATION["references"], ids=lambda reference: str(reference["notes"]))
def test_a_reference_is_complete(reference: dict[str, Any]) -> None:
    title, first_author, arxiv = PAPERS[reference["notes"]]
    assert reference.keys() >= OF_A_REFERENCE and reference.keys() <= OF_A_REFERENCE | OPTIONAL_OF_A_REFERENCE
    assert reference["type"] in {"article", "conference-paper"} and reference["year"] == 2024
    assert all(set(author) == {"family-names", "given-names"} for author in reference["authors"])
    assert (reference["title"], reference["authors"][0]["family-names"]) == (title, first_author)
    assert reference["identifiers"] == [{"type": "other", "value": f"arXiv:{arxiv}"}]
    assert reference["url"] == f"https://arxiv.org/abs/{arxiv}"


def test_each_paper_is_named_once() -> None:
    assert [reference["notes"] for reference in CITATION["references"]] == list(PAPERS)


def test_versions_agree() -> None:
    """The newest of the changelog is cited; what is built now is in the changelog."""
    log = (PROJECT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## \[(\S+)\] - (?:unreleased|\d{4}-\d\d-\d\d)$", log, re.M)
    assert versions == sorted(versions, key=lambda version: [int(part) for part in version.split(".")], reverse=True)
    assert CITATION["version"] == versions[0]
    sources = "".join((PROJECT / file).read_text() for file in ("smalti/__init__.py", "pyproject.toml"))
    built = re.search(r'^(?:__version__|version) = "(\S+)"$', sources, re.M)
    assert built and built[1] in versions
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert CITATION["title"] == project["name"] and CITATION["license"] == project["license"]
