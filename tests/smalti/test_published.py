"""Published results as the library reads them: what they say of themselves, and whose networks taught them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests_support import say_otherwise

from configs.schema.codebook import CodebookConfig
from pipeline.store import Store
from smalti import Prior, Tokenizer
from smalti.artifact import MANIFEST, Artifact
from smalti.config.features import EfficientNetLiteConfig, InceptionConfig, OpenClipConfig, TimmConfig, Vgg16Config
from smalti.config.losses import LpipsLossConfig, SemanticLossConfig
from smalti.config.parsing import plain
from smalti.folder import describe
from smalti.published import describe_artifact, teachers_of

SEMANTIC = SemanticLossConfig(network=Vgg16Config(), low={"relu1_2": 1}, semantic={"logits": 1}, alpha=0.5)


@pytest.fixture
def copy(published: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of one stage's result, alone in a folder of runs of its own."""

    def make(stage: str) -> Path:
        folder = tmp_path / "runs" / "artifacts" / stage / published[stage].name
        shutil.copytree(published[stage], folder)
        for file in folder.iterdir():
            file.chmod(0o644)
        return folder

    return make


def publish(runs: Path, stage: str, config: dict[str, Any], *inputs: Artifact) -> Artifact:
    """Publishes a result without files; the sha256 of a weights file is its name's first letter, 64 times."""
    named = [block["weights"] for block in config.values() if isinstance(block, dict) and "weights" in block]
    named += [
        block["network"]["weights"] for block in config.values() if isinstance(block, dict) and "network" in block
    ]
    identity = {
        "config": config, "weights": {name: name[0] * 64 for name in named},
        "inputs": {i.stage: {"stage": i.stage, "key": i.key, "digest": i.digest} for i in inputs},
    }  # fmt: skip
    return Store(runs).publish(stage, stage[0] * 16, files={}, records={}, identity=identity, facts={}, made_by={})


def test_teachers_are_those_of_all_ancestors(tmp_path: Path) -> None:
    data = publish(tmp_path, "data", {})
    codebook = publish(tmp_path, "codebook", {"network": plain(OpenClipConfig())}, data)
    tokenizer = publish(tmp_path, "tokenizer", {"perceptual": plain(LpipsLossConfig()), "gan": {}}, data, codebook)
    decoder = publish(tmp_path, "decoder", {"perceptual": plain(SEMANTIC)}, data, tokenizer)
    found = [(teacher.stage, teacher.name, teacher.licence, teacher.sha256) for teacher in teachers_of(decoder) or ()]
    assert found == [
        ("decoder", "vgg16", "BSD-3-Clause", "v" * 64),
        ("tokenizer", "LPIPS (VGG16)", "BSD-3-Clause (VGG16), BSD-2-Clause (LPIPS)", "v" * 64),
        ("codebook", "open_clip ViT-L-14-quickgelu", "MIT (openai), else the model card", "o" * 64),
    ]
    assert teachers_of(data) == ()
    shutil.rmtree(codebook.path)
    assert teachers_of(tokenizer) is None and teachers_of(decoder) is None


@pytest.mark.parametrize("config", [TimmConfig(), InceptionConfig(), EfficientNetLiteConfig()])
def test_every_network_has_a_licence(config: Any, tmp_path: Path) -> None:
    (teacher,) = teachers_of(publish(tmp_path, "codebook", {"network": plain(config)})) or ()
    assert teacher.name and teacher.licence and teacher.sha256 == config.weights[0] * 64


def test_a_real_codebooks_teacher(published: dict[str, Path]) -> None:
    """By the schema that stage codebook is published with."""
    teachers = teachers_of(Artifact(published["codebook"])) or ()
    config = Artifact(published["codebook"]).config
    assert set(config) == {field for field in CodebookConfig.__dataclass_fields__ if field in config}
    assert [(teacher.name, teacher.licence) for teacher in teachers] == [("efficientnet_lite0", "Apache-2.0")]


def test_where_a_result_comes_from(published: dict[str, Path]) -> None:
    manifest = json.loads((published["decoder"] / MANIFEST).read_text())
    origin = describe(published["decoder"]).origin
    assert (origin.stage, origin.key, origin.digest) == ("decoder", manifest["key"], manifest["digest"])
    assert (origin.finished, origin.git) == (manifest["made_by"]["finished"], manifest["made_by"]["git"])
    assert [teacher.stage for teacher in origin.teachers or ()] == ["decoder", "tokenizer", "codebook"]


def test_a_folder_by_any_path(published: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies beside a result is found from within, from the side and behind a link."""
    folder = published["ar_prior"]
    whole = describe(folder)
    assert whole.origin.teachers
    monkeypatch.chdir(folder)
    assert describe(Path()) == whole
    monkeypatch.chdir(folder.parent.parent / "decoder")
    assert describe(Path("../ar_prior") / folder.name) == whole
    (tmp_path / "best").symlink_to(folder)
    assert describe(tmp_path / "best") == whole


def test_a_result_alone_says_that_nobody_can_tell(copy: Callable[[str], Path]) -> None:
    folder = copy("decoder")
    assert describe(folder).origin.teachers is None
    Tokenizer.load(folder).save(folder.parent / "saved")
    assert describe(folder.parent / "saved").origin.teachers is None


@pytest.mark.parametrize("stage", ["tokenizer", "decoder"])
def test_one_flipped_bit_in_the_weights(copy: Callable[[str], Path], stage: str) -> None:
    file = copy(stage) / "tokenizer.safetensors"
    data = bytearray(file.read_bytes())
    data[-100] ^= 16
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r"tokenizer\.safetensors: damaged \(sha256 differs .*\); delete .* run the"):
        Tokenizer.load(file.parent)


def test_one_flipped_bit_in_a_priors_weights(copy: Callable[[str], Path], tokenizer: Tokenizer) -> None:
    file = copy("nar_prior") / "prior.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r"prior\.safetensors: damaged"):
        Prior.load(file.parent, tokenizer)


def test_a_result_of_another_stage(published: dict[str, Path], tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match="a result of stage samples; give one of tokenizer, decoder, ar_prior, nar_pr"):
        Tokenizer.load(published["samples"])
    with pytest.raises(ValueError, match=r"holds a tokenizer, not a prior; load it with smalti\.Tokenizer\.load"):
        Prior.load(published["decoder"], tokenizer)
    with pytest.raises(ValueError, match=r"holds a prior, not a tokenizer; load it with smalti\.Prior\.load"):
        Tokenizer.load(published["ar_prior"])


def test_a_folder_that_holds_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere: no such folder; give a published result, or a folder that save"):
        Tokenizer.load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"no manifest\.json and no config\.json; give a published result"):
        Tokenizer.load(str(tmp_path))


def test_an_edited_manifest(copy: Callable[[str], Path]) -> None:
    """The seal tells; of one that was sealed again, what is missing or can't be is named all the same."""
    folder = copy("tokenizer")
    manifest = folder / MANIFEST
    whole = manifest.read_text()
    manifest.write_text(whole.replace('"image_size": 64', '"image_size": 32'))
    with pytest.raises(ValueError, match=r"manifest\.json: damaged \(what it says isn't what was sealed\)"):
        Tokenizer.load(folder)
    for old, new, expected in (
        ('"image_size": 64', '"picture_size": 64', r"manifest\.json: lacks the fact 'image_size'"),
        ('"image_size": 64', '"image_size": "64"', r"manifest\.json: image_size: '64' given, expected a whole number"),
        ('"kind": "projected_cosine"', '"kind": "magic"', r"manifest\.json: quantizer\.kind: unknown kind 'magic'"),
        ('"facts": {', '"fakes": {', r"manifest\.json: damaged \('facts' is missing or of another type\)"),
    ):
        manifest.write_text(whole)
        say_otherwise(manifest, old, new)
        with pytest.raises(ValueError, match=expected):
            describe(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "[" * 100_000], ids=["empty", "brace", "list", "number", "deep"])
def test_a_manifest_that_is_no_manifest(copy: Callable[[str], Path], text: str) -> None:
    folder = copy("tokenizer")
    (folder / MANIFEST).write_text(text)
    with pytest.raises(ValueError, match=r"manifest\.json: not a .*; delete .* and run the pipeline again"):
        describe_artifact(Artifact(folder))
