"""The prior as its user has it: classes to images, sample i of a seed whatever the batch."""

import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests_support import say_otherwise

from smalti import Prior, Tokenizer
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.config.sampling import ArSamplingConfig, GuidanceConfig
from smalti.config.saved import SavedPrior
from smalti.folder import describe
from smalti.pixels import to_uint8
from smalti.priors import CausalPrior, MaskedPrior
from smalti.samplers.causal import sample_causal
from smalti.samplers.guidance import Guidance
from smalti.samplers.masked import ConfidenceDecoding, sample_masked
from smalti.samplers.noise import uniform

CLASSES = ["flags", 3, "flags", "symbols", 0]


def drawn_again(prior: Prior, labels: torch.Tensor, seed: int, first: int, **changes: Any) -> torch.Tensor:
    """Tokens (B, h, w) by the samplers' pure functions, with every setting of smoke's samples.yaml written out."""
    network, shape = prior.network, (1, 64)
    indices = range(first, first + len(labels))
    guidance = Guidance((changes.pop("guidance", 2.0),))
    if isinstance(network, CausalPrior):
        noise = uniform(seed, indices, shape, "ar")
        given = {"temperature": 1.0, "top_k": 0, "top_p": 0.95, **changes}
        return sample_causal(network, labels, noise, guidance=guidance, **given).view(-1, 8, 8)
    assert isinstance(network, MaskedPrior)
    settings = {
        "steps": 4, "token_temperature": 1.0, "choice_temperature": 4.5, "choice_space": "log_probability",
        "schedule": "cosine", **changes,
    }  # fmt: skip
    noise = uniform(seed, indices, (2, settings["steps"], *shape), "nar")
    return sample_masked(network, labels, noise, ConfidenceDecoding(**settings, guidance=guidance)).view(-1, 8, 8)


def test_logits_that_overflow_draw_nothing(prior: Prior) -> None:
    """Each token would be the last code, and every picture the same."""
    temperature = "temperature" if isinstance(prior.network, CausalPrior) else "token_temperature"
    labels = torch.tensor([0, 1])
    for changes in ({"guidance": 1e300}, {temperature: 1e-45}):
        with pytest.raises(ValueError, match="aren't finite, so no token can be drawn"):
            drawn_again(prior, labels, 0, 0, **changes)


def without_classes(prior: Prior) -> Prior:
    """The same kind of prior with fresh weights, trained on images without labels."""
    saved = dataclasses.replace(
        prior.saved, class_names=(), space=dataclasses.replace(prior.saved.space, num_classes=0),
        settings=dataclasses.replace(prior.settings, guidance=GuidanceConfig()), label_dropout=0.0,
    )  # fmt: skip
    return Prior(PRIOR_KINDS[saved.prior].build(saved.network, saved.space), saved, prior.tokenizer)


def test_samples_are_those_that_the_stage_published(prior: Prior, published: dict[str, Path]) -> None:
    """By phase 2's decoder and by phase 1's, at the recipe's settings and seed: the bytes of the shards."""
    shards = np.load(published["samples"] / prior.saved.prior / "images-00000.npy")
    labels = np.load(published["samples"] / "labels.npy")
    first = Prior(prior.network, prior.saved, Tokenizer.load(published["tokenizer"]))
    for decoder, each in enumerate((first, prior)):
        found = to_uint8(each.generate(labels.tolist(), seed=0))
        assert np.array_equal(found.numpy(), shards[:, decoder])


def assert_alike(images: torch.Tensor, others: torch.Tensor) -> None:
    """The tokens are the same; the decoder's convolutions round by the size of the batch, which can turn a level."""
    assert (to_uint8(images).int() - to_uint8(others).int()).abs().max() <= 1


def test_a_sample_is_the_same_in_every_batch(prior: Prior) -> None:
    labels = prior.labels(CLASSES)
    whole = prior.tokens(labels, seed=7)
    alone = [prior.tokens(label[None], seed=7, first=i) for i, label in enumerate(labels)]
    assert torch.cat(alone).equal(whole)
    images = prior.generate(CLASSES, seed=7)
    assert images.shape == (5, 3, 64, 64) and images.min() >= -1 and images.max() <= 1
    assert_alike(prior.generate(CLASSES, seed=7, batch_size=2), images)
    assert_alike(prior.generate(CLASSES[3:], seed=7, first=3), images[3:])
    assert not prior.generate(CLASSES, seed=8).equal(images)


def test_settings_are_the_recipes(prior: Prior) -> None:
    labels = prior.labels(CLASSES)
    assert prior.tokens(labels, seed=3, first=5).equal(drawn_again(prior, labels, 3, 5))


@pytest.mark.parametrize("prior", ["ar"], indirect=True)
@pytest.mark.parametrize(
    "changes", [{"temperature": 0.5}, {"top_k": 2}, {"top_p": 1}, {"guidance": 60.0}, {"guidance": 1.0, "top_p": 0.5}]
)
def test_settings_of_the_ar_prior(prior: Prior, changes: dict[str, Any]) -> None:
    labels = prior.labels(list(range(9)))
    found = prior.tokens(labels, seed=1, **changes)
    assert found.equal(drawn_again(prior, labels, 1, 0, **changes)) and not found.equal(prior.tokens(labels, seed=1))


@pytest.mark.parametrize("prior", ["nar"], indirect=True)
@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 9},
        {"choice_temperature": 0.5, "choice_space": "probability"},
        {"schedule": "arccos"},
        {"guidance": 3000},
    ],
)
def test_settings_of_the_nar_prior(prior: Prior, changes: dict[str, Any]) -> None:
    labels = prior.labels(list(range(9)))
    found = prior.tokens(labels, seed=1, **changes)
    assert found.equal(drawn_again(prior, labels, 1, 0, **changes)) and not found.equal(prior.tokens(labels, seed=1))


def test_numbers_of_numpy_and_pytorch_are_numbers(prior: Prior) -> None:
    plain = prior.generate([2, 3], guidance=1.5)
    assert prior.generate(np.array([2, 3]), guidance=np.float32(1.5)).equal(plain)  # type: ignore[arg-type]
    assert prior.generate(torch.tensor([2, 3]), guidance=[torch.tensor(1.5)]).equal(plain)  # type: ignore[arg-type]
    assert prior.generate(["flags", "food-drink"], guidance=1.5).equal(plain)


def test_what_it_says_of_itself(prior: Prior) -> None:
    assert prior.class_names[2] == "flags" and len(prior.class_names) == 9 and str(prior.device) == "cpu"
    assert repr(prior) == f"Prior({prior.saved.prior}, books=1, codes=64, grid=(8, 8), classes=9)"
    assert not prior.network.training and not any(p.requires_grad for p in prior.network.parameters())
    assert prior.to("cpu") is prior


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"classes": ["flgs"]}, "unknown class 'flgs'; did you mean 'flags'?"),
        ({"classes": [9]}, "class 9: the classes of this prior are 0 to 8"),
        ({"classes": [-1]}, "class -1: the classes of this prior are 0 to 8"),
        ({"classes": [2.5]}, "class 2.5: give a name or a whole number"),
        ({"classes": [None]}, "class None: give a name or a whole number"),
        ({"classes": "flags"}, "classes 'flags': give a list, one class for each image: ['flags']"),
        ({"classes": 3}, "classes 3: give a list, one class for each image: [3]"),
        ({"classes": []}, "classes: none given"),
        ({}, "give either classes, one for each image, or num"),
        ({"classes": [0], "num": 1}, "give either classes"),
        ({"num": 4}, "num: this prior has 9 classes; name one for each image with classes"),
        ({"classes": [0], "batch_size": 0}, "batch_size 0: at least 1"),
        ({"classes": [0], "temprature": 1}, "unknown setting 'temprature'; did you mean "),
        ({"classes": [0], "guidance": "strong"}, "guidance.scale[0]: 'strong' given, expected a number"),
        ({"classes": [0], "guidance": float("nan")}, "guidance.scale[0]: nan given, expected "),
        (
            {"classes": [0], "guidance": [1.5, 2]},
            "guidance.scale [1.5, 2.0]: give one number, or one for each of 1 books",
        ),
    ],
)
def test_what_is_refused(prior: Prior, given: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=re.escape(expected)):
        prior.generate(**given)


@pytest.mark.parametrize("prior", ["ar"], indirect=True)
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"temperature": "hot"}, "settings: temperature: 'hot' given, expected a number"),
        ({"temperature": 0}, "temperature"),
        ({"top_k": 2.5}, "settings: top_k: 2.5 given, expected a whole number"),
        ({"top_k": 3, "top_k_share": 0.1}, "top_k 3 and top_k_share 0.1: give one of them"),
        ({"steps": 8}, "unknown setting 'steps'"),
    ],
)
def test_settings_that_are_refused(prior: Prior, given: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=re.escape(expected)):
        prior.generate([0], **given)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (torch.tensor([9]), "labels from 9 to 9; 0 to 8 are known"),
        (torch.tensor([-1, 2]), "labels from -1 to 2"),
        (torch.tensor([0.5]), r"labels torch.float32 of shape (1,); int64 of shape (B,) is needed"),
        (torch.tensor([[1]]), r"of shape (1, 1)"),
        (torch.tensor([], dtype=torch.int64), r"of shape (0,)"),
    ],
)
def test_labels_that_are_refused(prior: Prior, labels: torch.Tensor, expected: str) -> None:
    with pytest.raises(ValueError, match=re.escape(expected)):
        prior.tokens(labels)


def test_a_prior_without_classes(prior: Prior, tmp_path: Path) -> None:
    plain = without_classes(prior)
    images = plain.generate(num=3, seed=5)
    assert images.shape == (3, 3, 64, 64) and not images[0].equal(images[1])
    assert_alike(plain.generate(num=1, seed=5, first=2), images[2:])
    plain.save(tmp_path / "plain")
    assert Prior.load(tmp_path / "plain", prior.tokenizer).generate(num=3, seed=5).equal(images)
    with pytest.raises(ValueError, match="trained without any; say how many images you want with num"):
        plain.generate(["flags"])
    with pytest.raises(ValueError, match="num 0: at least 1"):
        plain.generate(num=0)
    with pytest.raises(ValueError, match="no classes to guide by; leave it out"):
        plain.generate(num=1, guidance=2)


def test_guidance_needs_a_prior_that_has_done_without_labels(prior: Prior) -> None:
    faithful = Prior(prior.network, dataclasses.replace(prior.saved, label_dropout=0.0), prior.tokenizer)
    with pytest.raises(ValueError, match="never trained without labels"):
        faithful.generate([0])  # the recipe's guidance is 2
    assert faithful.generate([0], guidance=1).equal(prior.generate([0], guidance=1))


def test_a_prior_of_another_tokenizer(prior: Prior, published: dict[str, Path]) -> None:
    other = Tokenizer.load(published["tokenizer"])
    other.saved = dataclasses.replace(other.saved, tokens="0" * 64)
    folder = published[f"{prior.saved.prior}_prior"]
    with pytest.raises(ValueError, match=f"trained on the tokens of phase 1 {prior.saved.tokens[:16]}, .* of 0000000"):
        Prior.load(folder, other)


def test_saved_and_loaded_it_draws_the_same(prior: Prior, tmp_path: Path) -> None:
    """Settings and class names come along, so that the folder needs no runs beside it."""
    prior.save(str(tmp_path / "mine"))
    prior.tokenizer.save(tmp_path / "tokenizer")
    names = sorted(file.name for file in (tmp_path / "mine").iterdir())
    assert names == ["README.md", "config.json", "model.safetensors"]
    again = Prior.load(str(tmp_path / "mine"), Tokenizer.load(str(tmp_path / "tokenizer")))
    assert again.generate(CLASSES, seed=7).equal(prior.generate(CLASSES, seed=7))
    assert again.settings == prior.settings and again.class_names == prior.class_names
    again.save(tmp_path / "again")
    both = [(tmp_path / name / "config.json").read_bytes() for name in ("mine", "again")]
    assert both[0] == both[1]


@pytest.fixture
def runs(published: dict[str, Path], tmp_path: Path) -> Path:
    """A folder of runs with the AR prior and its samples' manifest, to be changed."""
    for stage in ("ar_prior", "samples"):
        folder = tmp_path / "artifacts" / stage / published[stage].name
        folder.mkdir(parents=True)
        shutil.copy(published[stage] / "manifest.json", folder)
    return tmp_path


def described(runs: Path) -> SavedPrior:
    saved = describe(next((runs / "artifacts" / "ar_prior").iterdir()))
    assert isinstance(saved, SavedPrior)
    return saved


def test_settings_are_those_of_the_newest_samples(runs: Path) -> None:
    assert described(runs).settings == ArSamplingConfig(top_p=0.95, guidance=GuidanceConfig(scale=(2.0,)))
    (samples,) = (runs / "artifacts" / "samples").iterdir()
    finished = json.loads((samples / "manifest.json").read_text())["made_by"]["finished"]
    for year, top_p in (("2001", 0.3), ("2999", 0.6)):
        copy = samples.with_name(year)
        shutil.copytree(samples, copy)
        say_otherwise(copy / "manifest.json", f'"key": "{samples.name}"', f'"key": "{year}"')
        say_otherwise(copy / "manifest.json", finished, year + finished[4:])
        say_otherwise(copy / "manifest.json", '"top_p": 0.95', f'"top_p": {top_p}')
    assert described(runs).settings.top_p == 0.6
    (samples.with_name("2999")).rename(samples.with_name(".2999.123"))  # as if it were being published
    assert described(runs).settings.top_p == 0.95


def test_settings_without_samples_are_the_samplers_own(runs: Path) -> None:
    (samples,) = (runs / "artifacts" / "samples").iterdir()
    (prior,) = (runs / "artifacts" / "ar_prior").iterdir()
    say_otherwise(samples / "manifest.json", prior.name, "0" * 16)  # samples of another prior
    assert described(runs).settings == ArSamplingConfig()


def test_a_recipes_guidance_is_left_out_where_there_are_no_classes(runs: Path) -> None:
    """As stage samples leaves it out."""
    (prior,) = (runs / "artifacts" / "ar_prior").iterdir()
    manifest = prior / "manifest.json"
    names = json.dumps(json.loads(manifest.read_text())["facts"]["class_names"], indent=1).replace("\n", "\n  ")
    say_otherwise(manifest, f'"class_names": {names}', '"class_names": []')
    saved = described(runs)
    assert saved.class_names == () and saved.settings == ArSamplingConfig(top_p=0.95)
