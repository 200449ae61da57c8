"""The evaluator on small sets: whatever holds the images, and in whatever order they come, the figures are the same."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import PROJECT
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from tests_support import write_inception

from smalti.evaluation.evaluate import evaluate
from smalti.evaluation.figures import Absent
from smalti.evaluation.networks import Judge, judge_network
from smalti.pixels import from_uint8

NUMBER, FEW, SIZE = 90, 30, 32
SMALL: dict[str, Any] = {"network": "lite2", "tap": "block0", "kid_subset": 40, "batch_size": 32}


def pictures(seed: int, number: int = NUMBER) -> np.ndarray:
    """Blocks of colour, (N, H, W, 3) uint8."""
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (number, 4, 4, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)


def write_folder(folder: Path, images: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:03d}.png")
    return folder


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, Path]:
    """Samples and a reference: as folders, as npz, and shuffled."""
    samples, reference = pictures(0), pictures(1)
    shuffled = samples[np.random.default_rng(2).permutation(NUMBER)]
    for name, images in (("samples", samples), ("reference", reference), ("shuffled", shuffled)):
        np.savez(tmp_path / f"{name}.npz", images)
    np.savez_compressed(tmp_path / "compressed.npz", samples)
    write_folder(tmp_path / "samples", samples)
    return {
        name: tmp_path / name for name in ("samples", "samples.npz", "reference.npz", "shuffled.npz", "compressed.npz")
    }


def test_any_holder_and_any_order(sets: dict[str, Path]) -> None:
    found = [
        evaluate(sets[name], sets["reference.npz"], **SMALL)
        for name in ("samples", "samples.npz", "shuffled.npz", "compressed.npz")
    ]
    figures = found[0].figures
    assert set(figures) == {
        "fd_efficientnet_lite2_block0", "kd_efficientnet_lite2_block0", "precision", "recall", "density", "coverage",
    }  # fmt: skip
    assert not any(isinstance(figure, Absent) for figure in figures.values())
    for other in found[1:]:
        assert other.sets["samples"]["digest"] == found[0].sets["samples"]["digest"]
        for name, figure in figures.items():
            assert other.figures[name] == pytest.approx(figure, rel=1e-6, abs=1e-9), name
    same = evaluate(sets["samples"], sets["samples.npz"], **SMALL).figures
    assert abs(same["fd_efficientnet_lite2_block0"]) < 1e-6 and same["precision"] == same["recall"] == 1


def test_a_file_of_statistics_stands_for_the_images(sets: dict[str, Path], tmp_path: Path) -> None:
    """As clean-fid writes it, and as torch-fidelity caches it; by NumPy from the features."""
    images = np.load(sets["reference.npz"])["arr_0"]
    judge = Judge(judge_network("lite2", tap="block0"), ["block0"])
    features = judge(from_uint8(torch.from_numpy(np.moveaxis(images, 3, 1).copy())))["block0"].double().numpy()
    statistics = {"mu": features.mean(0), "sigma": np.cov(features, rowvar=False)}
    np.savez(tmp_path / "clean.npz", **statistics)
    torch.save(statistics, tmp_path / "fidelity.pt")
    name = "fd_efficientnet_lite2_block0"
    expected = evaluate(sets["samples"], sets["reference.npz"], **SMALL).figures[name]
    for file in ("clean.npz", "fidelity.pt"):
        found = evaluate(sets["samples"], tmp_path / file, **SMALL)
        assert found.figures[name] == pytest.approx(expected, rel=1e-6)
        assert found.figures["precision"] == Absent("the reference is statistics alone; give its images")
    np.savez(tmp_path / "adm.npz", images, **statistics)
    both = evaluate(sets["samples"], tmp_path / "adm.npz", **SMALL)
    assert both.figures[name] == pytest.approx(expected, rel=1e-6) and both.figures["precision"] < 1


def pairs(folder: Path) -> tuple[Path, Path]:
    """A few pictures, and the same of half the contrast: Inception takes half a second for each."""
    return write_folder(folder / "sharp", pictures(0, FEW)), write_folder(folder / "flat", pictures(0, FEW) // 2 + 64)


def test_inceptions_figures_and_pairs(tmp_path: Path) -> None:
    """FID and sFID need thousands of images, which is said; KID, the Inception score and the pixels' figures don't."""
    weights = write_inception(tmp_path / "inception.pth")
    sharp, flat = pairs(tmp_path)
    found = evaluate(flat, originals=sharp, network="inception", weights=weights, kid_subset=12, parts=3, batch_size=15)
    assert {name for name, figure in found.figures.items() if isinstance(figure, Absent)} == {
        "fid", "sfid", "lpips_vgg", "lpips_alex",
    }  # fmt: skip
    assert "over 2048 channels needs at least 4096 images, there are 30" in found.figures["fid"].reason
    assert "make weights" in found.figures["lpips_vgg"].reason
    originals = pictures(0, FEW)
    expected = [peak_signal_noise_ratio(a, b // 2 + 64 - b % 1) for a, b in zip(originals, originals, strict=True)]
    assert found.figures["psnr"] == pytest.approx(float(np.mean(expected)), rel=1e-9)
    score = found.figures["inception_score"]
    assert score["standard_error"] == pytest.approx(score["std"] / 3**0.5) and score["parts"] == 3
    written = json.loads(found.json())
    assert written["figures"]["fid"] is None and "needs at least 4096" in written["absent"]["fid"]
    assert written["protocol"]["protocol"] == "unified" and len(written["protocol"]["network_sha256"]) == 64
    assert written["samples"]["number"] == FEW and "psnr" in found.table()


def test_protocols_differ_in_what_they_say(tmp_path: Path) -> None:
    sharp, flat = pairs(tmp_path)
    figures = {
        protocol: evaluate(flat, originals=sharp, protocol=protocol, **SMALL).figures
        for protocol in ("unified", "fqgan")
    }
    weights = write_inception(tmp_path / "inception.pth")
    uncropped = write_folder(tmp_path / "uncropped", pictures(5, 3))
    Image.new("RGB", (50, 30)).save(uncropped / "other.png")  # clean-fid takes any size
    lc = evaluate(flat, uncropped, originals=sharp, protocol="vqgan_lc", weights=weights, tap="features64")
    figures["vqgan_lc"], seen = lc.figures, lc.sets["reference"]["number"]
    assert seen == 4 and lc.protocol["resize"] == "clean"
    assert "ssim" in figures["unified"] and "ssim_llamagen" in figures["fqgan"] and "psnr_y" in figures["vqgan_lc"]
    assert figures["fqgan"]["ssim_llamagen"] > figures["unified"]["ssim"]
    assert figures["vqgan_lc"]["psnr_y"] > figures["unified"]["psnr"]
    assert figures["unified"]["fd_efficientnet_lite2_block0"] == figures["fqgan"]["fd_efficientnet_lite2_block0"]


def test_two_ranks_see_each_image_once(sets: dict[str, Path], tmp_path: Path) -> None:
    words = ["-m", "smalti", "evaluate", sets["samples"], "--reference", sets["reference.npz"], "--network", "lite2",
             "--tap", "block0", "--kid-subset", "40", "--batch-size", "32", "--out"]  # fmt: skip
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    for before, out in ((torchrun, tmp_path / "two.json"), ([], tmp_path / "one.json")):
        command = [sys.executable, *before, *words, out]
        subprocess.run(list(map(str, command)), cwd=PROJECT, check=True, capture_output=True, timeout=300)
    one, two = (json.loads((tmp_path / name).read_text()) for name in ("one.json", "two.json"))
    assert one["samples"] == two["samples"] and one["samples"]["number"] == NUMBER
    for name, figure in one["figures"].items():
        assert two["figures"][name] == pytest.approx(figure, rel=1e-6, abs=1e-9), name


Bad = Callable[[Path, Path], list[object]]
BAD: dict[str, tuple[Bad, str]] = {
    "nothing": (lambda t, s: [s], "a reference is needed, or originals"),
    "nowhere": (lambda t, s: [t / "no", "--reference", s], "no such thing; give a folder of images, an .npz"),
    "empty": (lambda t, s: [t / "empty", "--reference", s], "holds no images"),
    "mixed sizes": (lambda t, s: [t / "mixed", "--reference", s], "has 32 x 32 px, b.png 40 x 30; crop them"),
    "float images": (lambda t, s: [t / "float.npz", "--reference", s], "arr_0 is [4, 8, 8, 3] float32; images are"),
    "channels first": (lambda t, s: [t / "first.npz", "--reference", s], "arr_0 is [4, 3, 8, 8] uint8; images are"),
    "objects": (lambda t, s: [t / "objects.npz", "--reference", s], "not an npz of plain arrays (objects)"),
    "cut": (lambda t, s: [t / "cut.npz", "--reference", s], "not an npz of plain arrays"),
    "another network": (lambda t, s: [s, "--reference", t / "wide.npz"], "statistics of 16 and of 7 channels"),
    "half statistics": (lambda t, s: [s, "--reference", t / "half.npz"], "mu (C,) and sigma (C, C) are needed"),
    "a pickle": (lambda t, s: [s, "--reference", t / "pickle.pt"], "not statistics as torch-fidelity caches them"),
    "other names": (lambda t, s: [t / "mixed", "--originals", t / "named"], "b stands beside c of"),
    "other number": (lambda t, s: [s, "--originals", t / "mixed"], "one original each is needed"),
    "another's resize": (
        lambda t, s: [s, "--reference", s, "--protocol", "vqgan_lc"], "clean-fid's resize is to Inception's input",
    ),
    "unknown tap": (lambda t, s: [s, "--reference", s, "--tap", "block9"], "has no tap 'block9'"),
    "no weights": (lambda t, s: [s, "--reference", s, "--network", "dinov2"], "dinov2.safetensors: no such"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(case: str, sets: dict[str, Path], tmp_path: Path, refusal: Callable[..., str]) -> None:
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "mixed", pictures(3, 1))
    (tmp_path / "mixed" / "000.png").rename(tmp_path / "mixed" / "a.png")
    Image.new("RGB", (40, 30)).save(tmp_path / "mixed" / "b.png")
    write_folder(tmp_path / "named", pictures(3, 2))
    for old, new in (("000", "a"), ("001", "c")):
        (tmp_path / "named" / f"{old}.png").rename(tmp_path / "named" / f"{new}.png")
    np.savez(tmp_path / "float.npz", np.zeros((4, 8, 8, 3), np.float32))
    np.savez(tmp_path / "first.npz", np.zeros((4, 3, 8, 8), np.uint8))
    np.savez(tmp_path / "objects.npz", np.array([{}], dtype=object))
    (tmp_path / "cut.npz").write_bytes(sets["samples.npz"].read_bytes()[:5000])
    np.savez(tmp_path / "wide.npz", mu=np.zeros(7), sigma=np.eye(7))
    np.savez(tmp_path / "half.npz", mu=np.zeros(7))
    torch.save({"mu": sys.exit}, tmp_path / "pickle.pt")
    words, expected = BAD[case][0](tmp_path, sets["samples"]), BAD[case][1]
    network = [] if "--network" in words else ["--network", "lite2"]
    tap = [] if "--tap" in words or network == [] else ["--tap", "block0"]
    assert expected in refusal("evaluate", *words, *network, *tap, "--kid-subset", 40)


def test_samples_sorted_by_class_are_refused_where_their_order_counts(
    tmp_path: Path, refusal: Callable[..., str]
) -> None:
    weights = write_inception(tmp_path / "inception.pth")
    np.savez(tmp_path / "sorted.npz", pictures(0, 12), np.arange(12) // 6)
    words = ["evaluate", tmp_path / "sorted.npz", "--reference", tmp_path / "sorted.npz", "--weights", weights]
    assert "sorted by class" in refusal(*words, "--protocol", "adm")
