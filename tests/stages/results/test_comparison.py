"""One table of several recipes' scores, a column of one protocol alone."""

from dataclasses import fields
from typing import Any

import pytest

from smalti.metrics.neighbours import Manifold
from stages.results.comparison import MANIFOLD, compared, generation_lines, reconstruction_lines

PROTOCOL = {
    "judge": "lite2", "judge_sha256": "ab", "frechet": "float64", "reconstruction_distance": "fd_lite2",
    "generation_distance": "fd_lite2", "reconstruction_tap": "block2", "generation_tap": "block3",
    "reconstruction_reference": "the same 58 val crops", "generation_reference": "150 train images",
    "manifold": {"tap": "block3", "neighbours": {"precision, recall": 3}, "reference": "150 train images"},
    "psnr": "RGB", "lpips_vgg": "vgg, version 0.1", "samples": {"number": 54, "labels": "balanced"},
}  # fmt: skip


def scores(psnr: float, protocol: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "reconstruction": {
            "phase1": {"psnr": psnr, "lpips_vgg": 0.25, "frechet": None}, "val_codebook": {"usage": 0.5},
        },
        "generation": {
            "val": {"plain": 1}, "ar/phase1": {"frechet": 12.0, "recall": 0.25}, "ar/codebook": {"usage": 0.75},
        },
        "protocol": PROTOCOL | (protocol or {}),
    }  # fmt: skip


def test_a_line_for_each_decoder_and_each_prior() -> None:
    lines = [*reconstruction_lines("one", scores(20.5), 64), *reconstruction_lines("two", scores(21.25), 64)]
    assert compared("decoder", lines, []).text().splitlines() == [
        "recipe  decoder   psnr  lpips_vgg  usage",
        "one     phase1    20.5       0.25    0.5",
        "two     phase1   21.25       0.25    0.5",
    ]
    table = compared("prior", generation_lines("one", scores(20.5), 64), [])
    assert table.cells() == [
        ["recipe", "prior", "fd_lite2", "recall", "usage"], ["one", "ar/phase1", "12", "0.25", "0.75"]
    ]  # fmt: skip
    values = {"fd_lite2": 12.0, "recall": 0.25, "usage": 0.75}
    assert table.values() == [("one", "ar/phase1", figure, value) for figure, value in values.items()]


def test_neighbours_of_other_real_images_do_not_compare() -> None:
    assert set(MANIFOLD) == {field.name for field in fields(Manifold)}
    fewer = {"manifold": {**PROTOCOL["manifold"], "reference": "100 train images"}}
    both = [*generation_lines("one", scores(20.5), 64), *generation_lines("two", scores(20.5, fewer), 64)]
    assert compared("prior", both, ["fd_lite2"]).columns == ["fd_lite2"]
    with pytest.raises(ValueError, match=r"recall of one and of two are measured in two ways: manifold\.reference is"):
        compared("prior", both, [])


@pytest.mark.parametrize(
    ("protocol", "size", "said"),
    [
        ({"psnr": "luma"}, 64, "psnr of one and of two are measured in two ways: psnr is RGB and luma; score both by"),
        ({"reconstruction_reference": "9 crops"}, 64, "reconstruction_reference is the same 58 val crops and 9 crops"),
        ({}, 32, "image_size is 64 and 32"),
    ],
)
def test_two_protocols_in_a_column_are_refused(protocol: dict[str, Any], size: int, said: str) -> None:
    lines = [*reconstruction_lines("one", scores(20), 64), *reconstruction_lines("two", scores(21, protocol), size)]
    with pytest.raises(ValueError, match=said):
        compared("decoder", lines, [])


def test_columns_that_compare_may_be_chosen() -> None:
    """Whether LPIPS was a teacher is no difference in how it was measured; another judge is, of distances alone."""
    teacher = "vgg, version 0.1; the same network was a teacher, in another distance"
    other = scores(21, {"judge_sha256": "cd", "lpips_vgg": teacher})
    other["reconstruction"]["phase1"]["frechet"] = 3.0
    lines = [*reconstruction_lines("one", scores(20), 64), *reconstruction_lines("two", other, 64)]
    assert compared("decoder", lines, ["psnr", "lpips_vgg"]).columns == ["psnr", "lpips_vgg"]
    with pytest.raises(ValueError, match="fd_lite2 of one and of two are measured in two ways: judge_sha256"):
        compared("decoder", lines, [])
    with pytest.raises(ValueError, match=r"--figures: unknown figure 'psmr'; did you mean 'psnr'\?"):
        compared("decoder", lines, ["psmr"])
