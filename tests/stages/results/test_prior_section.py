"""The report's section in which the priors of one tokenizer stand side by side."""

import json
from typing import Any

import numpy as np
import pytest

from smalti.artifact import Artifact
from smalti.config.prior_kinds import PRIOR_KINDS
from stages.results.prior_section import prior_section


@pytest.fixture
def side_by_side(smoke: dict[str, Artifact]) -> tuple[Any, dict[str, Any]]:
    priors = {name: smoke[kind.stage] for name, kind in PRIOR_KINDS.items()}
    scores = json.loads(smoke["scores"].file("scores.json").read_text())
    return prior_section(smoke["samples"], priors, scores), scores


def test_the_figures_are_those_of_the_manifests_and_scores(
    side_by_side: tuple[Any, dict[str, Any]], smoke: dict[str, Artifact]
) -> None:
    section, scores = side_by_side
    [(_, [head, *rows])] = section.tables
    assert [row[0] for row in rows] == [kind.title for kind in PRIOR_KINDS.values()]
    for (name, kind), row in zip(PRIOR_KINDS.items(), rows, strict=True):
        cells, prior = dict(zip(head, row, strict=True)), smoke[kind.stage]
        assert cells["parameters"] == f"{prior.manifest['made_by']['parameters']:,}"
        assert cells["updates"] == f"{prior.facts['updates']:,}"
        seconds = smoke["samples"].manifest["made_by"]["seconds_per_image"][name]
        assert float(cells["s an image"]) == pytest.approx(seconds, rel=0.01) and seconds > 0
        own = scores["generation"][f"{name}/phase2"]["class_agreement"]["balanced"]
        assert cells["own class"] == f"{own:.1%}"
        assert cells["usage"] == f"{scores['generation'][f'{name}/codebook']['usage']:.1%}"
        assert cells["val loss"].endswith("bits a token") == (kind.trains_on == "tokens")


def test_each_class_has_a_row_of_every_prior(
    side_by_side: tuple[Any, dict[str, Any]], smoke: dict[str, Artifact]
) -> None:
    section, _ = side_by_side
    names = smoke["samples"].facts["class_names"]
    assert [caption for caption, _ in section.pictures] == names
    assert all(
        [label for label, _ in rows] == [kind.title for kind in PRIOR_KINDS.values()] for _, rows in section.pictures
    )
    assert len({picture for _, rows in section.pictures for _, picture in rows}) == len(names) * len(PRIOR_KINDS)
    assert set(np.load(smoke["samples"].file("labels.npy"))) == set(range(len(names)))
