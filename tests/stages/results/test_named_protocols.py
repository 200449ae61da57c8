"""What scores.json says of the protocols of ``smalti evaluate`` is so: that command finds the same figures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors

from configs.schema.scores import ScoresConfig
from datamodules.images import EvaluationImages
from smalti.artifact import Artifact
from smalti.config.features import InceptionConfig
from smalti.evaluation.evaluate import evaluate
from smalti.evaluation.networks import Judge, judge_network
from smalti.evaluation.protocols import PROTOCOLS
from smalti.pixels import from_uint8, to_uint8
from stages.results.generation_images import reference_members
from stages.results.named_protocols import named_protocols, named_table
from stages.results.published import load_tokenizer, open_index

TAP = "block1"  # of configs/smoke
REFERENCE = ScoresConfig(
    judge=InceptionConfig(), reconstruction_tap=TAP, generation_tap=TAP, reference_images=150
)  # as configs/smoke has it; the judge makes no difference to it


def crops(smoke: dict[str, Artifact], members: np.ndarray) -> np.ndarray:
    """Returns images of the smoke data (N, 3, H, W) uint8."""
    images = EvaluationImages(open_index(smoke["data"]))
    return np.concatenate([images[int(member)]["images"].numpy() for member in members])


def write_npz(file: Path, images: np.ndarray) -> Path:
    np.savez(file, np.moveaxis(images, 1, 3))
    return file


def scores_of(smoke: dict[str, Artifact]) -> dict[str, Any]:
    return json.loads(smoke["scores"].file("scores.json").read_text())  # type: ignore[no-any-return]


def test_every_protocol_is_said_of_every_figure() -> None:
    found = named_protocols(["lpips_vgg"], has_logits=True, has_samples=True)
    for place, named in found.items():
        assert sorted([*named.same, *named.differs]) == sorted(PROTOCOLS), place
        assert all(named.differs.values())
    same = {place: named.same for place, named in found.items()}
    assert same["reconstruction/PHASE/psnr"] == ["unified", "adm", "fqgan"]
    assert same["reconstruction/PHASE/psnr_y"] == ["vqgan_lc"]
    assert same["reconstruction/PHASE/ssim"] == ["unified", "adm", "vqgan_lc"]
    assert same["reconstruction/PHASE/ssim_llamagen"] == ["fqgan"]
    assert same["reconstruction/PHASE/lpips_vgg"] == ["unified", "adm", "fqgan"]
    assert same["reconstruction/PHASE/inception_score"] == []
    assert same["reconstruction/PHASE/inception_score_in_order"] == ["adm"]
    assert same["generation/PRIOR/PHASE/inception_score"] == ["adm"]
    for name in ("frechet", "precision", "recall", "density", "coverage"):
        assert same[f"generation/PRIOR/PHASE/{name}"] == ["unified", "adm", "fqgan"]
    assert not any("inception" in place or "lpips" in place for place in named_protocols([], False, True))
    assert not any(place.startswith("generation") for place in named_protocols([], True, False))


def test_samples_have_the_figures_of_the_protocols_that_are_named(smoke: dict[str, Artifact], tmp_path: Path) -> None:
    scores, index = scores_of(smoke), open_index(smoke["data"])
    real = crops(smoke, reference_members(index, REFERENCE))
    reference = write_npz(tmp_path / "real.npz", real)
    named = scores["protocol"]["named"]["generation/PRIOR/PHASE/precision"]["same"]
    assert named == scores["protocol"]["named"]["generation/PRIOR/PHASE/frechet"]["same"] and len(named) == 3
    for name in ("ar/phase1", "sit/phase2"):
        own = scores["generation"][name]
        for protocol in named:
            place = smoke["samples"].path / name
            found = evaluate(place, reference, network="lite2", tap=TAP, protocol=protocol, kid_subset=10).figures
            assert own["frechet"] == pytest.approx(found[f"fd_efficientnet_lite2_{TAP}"], rel=1e-5)
            for figure in ("precision", "recall", "density", "coverage"):
                assert own[figure] == pytest.approx(found[figure], abs=1e-9), figure
    near = scores["protocol"]["manifold"]
    assert (near["tap"], near["real"], near["samples"]) == (TAP, len(real), smoke["samples"].facts["num_samples"])


def test_neighbours_of_samples_are_counted_as_scikit_learn_does(smoke: dict[str, Artifact]) -> None:
    """From the published samples and the images on the disk, by the definitions, in float64."""
    judge = Judge(judge_network("lite2", tap=TAP), [TAP])
    samples = np.load(smoke["samples"].file("nar/images-00000.npy"))[:, 1]
    real = crops(smoke, reference_members(open_index(smoke["data"]), REFERENCE))
    own, theirs = (judge(from_uint8(torch.from_numpy(images)))[TAP].double().numpy() for images in (samples, real))

    def reach(points: np.ndarray, k: int) -> np.ndarray:
        return np.asarray(NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points)[0][:, k])

    between = pairwise_distances(own, theirs)
    within = between <= reach(theirs, 5)[None]
    expected = {
        "precision": (between <= reach(theirs, 3)[None]).any(1).mean(),
        "recall": (between <= reach(own, 3)[:, None]).any(0).mean(),
        "density": within.sum() / (5 * len(own)),
        "coverage": within.any(0).mean(),
    }
    found = scores_of(smoke)["generation"]["nar/phase2"]
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)


def test_reconstructions_have_the_figures_of_the_protocols_that_are_named(
    smoke: dict[str, Artifact], tmp_path: Path
) -> None:
    scores = scores_of(smoke)
    originals = crops(smoke, open_index(smoke["data"]).members("val"))
    images = from_uint8(torch.from_numpy(originals))
    beside = write_npz(tmp_path / "originals.npz", originals)
    for phase, stage in (("phase1", "tokenizer"), ("phase2", "decoder")):
        tokenizer, own = load_tokenizer(smoke[stage]), scores["reconstruction"][phase]
        with torch.no_grad():
            decoded = to_uint8(tokenizer.decode(tokenizer.encode(images))).numpy()
        made = write_npz(tmp_path / f"{phase}.npz", decoded)
        for protocol in ("unified", "adm", "fqgan"):
            found = evaluate(made, originals=beside, network="lite2", tap=TAP, protocol=protocol, kid_subset=10).figures
            compared = set()
            for place, said in scores["protocol"]["named"].items():
                name = place.rpartition("/")[2]
                if place.startswith("reconstruction") and protocol in said["same"]:
                    other = f"fd_efficientnet_lite2_{TAP}" if name == "frechet" else name
                    assert own[name] == pytest.approx(found[other], rel=1e-5), (place, protocol)
                    compared.add(name)
            assert compared == {"psnr", "frechet", "ssim_llamagen" if protocol == "fqgan" else "ssim"}


def test_the_report_says_what_is_measured_alike(smoke: dict[str, Artifact]) -> None:
    table = named_table(scores_of(smoke)["protocol"]["named"])
    assert table[1] == ["reconstruction/PHASE/psnr", "unified, adm, fqgan", "vqgan_lc: psnr_y instead"]
    page = smoke["report"].file("report.html").read_text()
    assert "<td>generation/PRIOR/PHASE/coverage</td>" in page and "<th>coverage</th>" in page
