"""Released files in the place of trainings: the chain goes on from them as from what was trained here."""

import json
from pathlib import Path

import pytest
import released_vqgan
import torch
from conftest import SMOKE, RunStage
from released_vqgan import State, adapter_shapes, decoder_shapes, head_shapes, random_state, trunk_shapes

from pipeline.graph import Recipe
from pipeline.store import Store
from smalti import Prior, Tokenizer
from smalti.artifact import Artifact
from smalti.config.parsing import ConfigError
from smalti.formats import import_tokenizer

K, D = 16, 8
PIPELINE = """
base: {base}
stages:
  data:
  tokenizer: {{import: {file}, format: {format}, image_size: 64}}
  decoder: {{data: data, tokenizer: tokenizer}}
  token_shards: {{data: data, tokenizer: tokenizer}}
  ar_prior: {{token_shards: token_shards, tokenizer: tokenizer}}
  samples: {{tokenizer: tokenizer, decoder: decoder, ar_prior: ar_prior}}
  scores: {{data: data, tokenizer: tokenizer, decoder: decoder, token_shards: token_shards, samples: samples}}
  report:
    {{data: data, tokenizer: tokenizer, decoder: decoder, token_shards: token_shards, ar_prior: ar_prior,
     samples: samples, scores: scores}}
set:
  - data.max_images=120
  - "decoder.discriminator={{kind: patch, width: 8, num_layers: 1}}"
  - decoder.gan.r1_weight=0
  - decoder.training.updates=2
  - decoder.training.validate_every=2
  - ar_prior.training.updates=2
  - ar_prior.training.validate_every=2
  - samples.num_samples=18
  - "samples.nar=null"
  - "samples.ldm=null"
  - "samples.dit=null"
  - "samples.sit=null"
  - scores.reference_images=40
  - scores.classifier_images=40
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of runs for all formats, so that the images are indexed once."""
    return tmp_path_factory.mktemp("imported")


@pytest.fixture(autouse=True)
def eight_pixels_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(released_vqgan, "WIDTHS", (32, 32, 32, 64))


def released(name: str) -> State:
    """Random weights under the names of a format."""
    style = "taming" if name in ("taming-vqgan", "vqgan-lc") else "llamagen"
    if name == "fqgan":
        shapes = trunk_shapes(style) | decoder_shapes(style, 2 * D)
        for suffix, head in (("vis", "visual_head"), ("sem", "semantic_head")):
            shapes |= head_shapes(D, f"_{suffix}") | adapter_shapes(f"encoder.{head}.0", 8)
            shapes |= {f"quantize_{suffix}.embedding.weight": (K, D)}
        return random_state(shapes)
    shapes = trunk_shapes(style) | head_shapes(D) | decoder_shapes(style, D)
    if name == "vqgan-lc":
        shapes |= {"tok_embeddings.weight": (K, 12), "codebook_projection.weight": (D, 12)}
        return random_state(shapes | {"codebook_projection.bias": (D,)})
    return random_state(shapes | {"quantize.embedding.weight": (K, D)})


def write_recipe(folder: Path, name: str, text: str = PIPELINE) -> Path:
    folder.mkdir()
    torch.save({"state_dict": released(name)}, folder / "released.ckpt")
    given = text.format(base=SMOKE, file="released.ckpt", format=name)
    (folder / "pipeline.yaml").write_text(given.replace(", image_size: 64", "") if name == "fqgan" else given)
    return folder


def run_all(recipe: Path, runs: Path, run_stage: RunStage) -> dict[str, Artifact]:
    for stage, node in Recipe(recipe).nodes.items():
        run_stage(stage, recipe, runs, script=node.script)
    found = Recipe(recipe).status(Store(runs))
    return {stage: status.artifact for stage, status in found.items() if status.artifact}


@pytest.mark.parametrize("name", ["taming-vqgan", "llamagen-vq", "fqgan", "vqgan-lc"])
def test_the_chain_goes_on_from_a_released_tokenizer(
    name: str, tmp_path: Path, runs: Path, run_stage: RunStage
) -> None:
    recipe = write_recipe(tmp_path / "recipe", name)
    found = run_all(recipe, runs, run_stage)
    assert list(found) == list(Recipe(recipe).nodes)
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    direct = import_tokenizer(recipe / "released.ckpt", name, {} if name == "fqgan" else {"image_size": 64})
    phases = [Tokenizer.load(found[stage].path) for stage in ("tokenizer", "decoder")]
    assert all(torch.equal(phase.encode(images), direct.encode(images)) for phase in phases)
    assert not torch.equal(phases[1].decode(phases[1].encode(images)), direct.decode(direct.encode(images)))
    assert Prior.load(found["ar_prior"].path, phases[0]).generate(classes=["flags"]).shape == (1, 3, 64, 64)
    scores = json.loads(found["scores"].file("scores.json").read_text())
    assert {"phase1", "phase2"} <= scores["reconstruction"].keys()
    assert phases[1].saved.origin.teachers is None, "nobody knows what it was trained with"
    (sha256,) = found["tokenizer"].manifest["weights"].values()
    page = found["report"].file("report.html").read_text()
    assert f"imported: {name} released.ckpt, sha256 {sha256[:16]}" in page


def gpt_state(width: int = 32, classes: int = 9, layers: int = 2) -> State:
    """A LlamaGen GPT over 8 x 8 tokens of K codes."""
    block = {"attention.wqkv": (3 * width, width), "attention.wo": (width, width), "feed_forward.w1": (40, width)}
    block |= {"feed_forward.w3": (40, width), "feed_forward.w2": (width, 40)}
    block |= {"attention_norm": (width,), "ffn_norm": (width,)}
    shapes = {"cls_embedding.embedding_table": (classes + 1, width), "tok_embeddings": (K, width)}
    shapes |= {"output": (K, width), "norm": (width,)}
    for layer in range(layers):
        shapes |= {f"layers.{layer}.{name}": shape for name, shape in block.items()}
    return random_state({f"{name}.weight": shape for name, shape in shapes.items()})


WITH_PRIOR = """
base: {base}
stages:
  data:
  tokenizer: {{import: {file}, format: {format}, image_size: 64}}
  ar_prior: {{import: gpt.pt, format: llamagen-gpt, num_heads: 4, tokenizer: tokenizer, data: data}}
  samples: {{tokenizer: tokenizer, ar_prior: ar_prior}}
set:
  - data.max_images=120
  - samples.num_samples=18
  - "samples.nar=null"
  - "samples.ldm=null"
  - "samples.dit=null"
  - "samples.sit=null"
"""


def test_a_released_prior_is_sampled(tmp_path: Path, runs: Path, run_stage: RunStage) -> None:
    """Its classes are named by the data."""
    recipe = write_recipe(tmp_path / "recipe", "llamagen-vq", WITH_PRIOR)
    torch.save({"model": gpt_state()}, recipe / "gpt.pt")
    found = run_all(recipe, runs, run_stage)
    names = found["ar_prior"].facts["class_names"]
    assert "flags" in names and names == found["data"].facts["class_names"] == found["samples"].facts["class_names"]
    prior = Prior.load(found["ar_prior"].path, Tokenizer.load(found["tokenizer"].path))
    assert prior.saved.origin.imported == "llamagen-gpt gpt.pt"
    assert prior.settings.guidance.scale == (2.0,), "as the recipe's samples were drawn"


def test_the_files_bytes_are_part_of_the_key(tmp_path: Path, runs: Path) -> None:
    recipe = write_recipe(tmp_path / "recipe", "taming-vqgan")
    before = Recipe(recipe).status(Store(runs))["tokenizer"].key
    (recipe / "released.ckpt").rename(recipe / "moved.ckpt")
    text = (recipe / "pipeline.yaml").read_text().replace("released.ckpt", "moved.ckpt")
    (recipe / "pipeline.yaml").write_text(text)
    assert Recipe(recipe).status(Store(runs))["tokenizer"].key == before, "its name isn't"
    torch.save({"state_dict": {**released("taming-vqgan"), "loss.logvar": torch.ones(1)}}, recipe / "moved.ckpt")
    assert Recipe(recipe).status(Store(runs))["tokenizer"].key != before


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("format: taming-vqgan", "form: taming-vqgan", "pipeline.yaml: tokenizer: unknown key 'form'"),
        (", format: taming-vqgan", "", "tokenizer: format: missing"),
        ("image_size: 64", "image_size: 0", "image_size: 0 given"),
        ("image_size: 64", "image_size: 64, data: data", "tokenizer: unknown input 'data'"),
        ("import: released.ckpt", "import: 3", "tokenizer.import: 3 given, expected the name of a file"),
        ("decoder: {data: data, tokenizer: tokenizer}", "decoder: {import: x, format: fqgan}",
         "decoder: can't be imported"),
        ('  - "decoder.discriminator={kind: patch, width: 8, num_layers: 1}"\n', "",
         "an imported tokenizer brings none"),
        ("  - data.max_images=120", "  - tokenizer.training.updates=3",
         "tokenizer.training.updates: the stage is imported"),
    ],
)  # fmt: skip
def test_what_a_recipe_can_get_wrong(old: str, new: str, expected: str, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "recipe", "taming-vqgan")
    text = (recipe / "pipeline.yaml").read_text()
    assert old in text
    (recipe / "pipeline.yaml").write_text(text.replace(old, new))
    with pytest.raises(ConfigError) as error:
        Recipe(recipe)
    assert expected in str(error.value) and "\n" not in str(error.value)


def test_a_stage_says_what_the_file_is(tmp_path: Path, runs: Path, run_stage: RunStage) -> None:
    """Of another format, of another kind, of other images."""
    recipe = write_recipe(tmp_path / "recipe", "taming-vqgan")
    text = (recipe / "pipeline.yaml").read_text()
    for given, expected in {
        "llamagen-vq": "it looks like taming-vqgan or ibq",
        "far": "format far: holds a prior; name a format of a tokenizer",
        "vqgan": "tokenizer.format: unknown format 'vqgan'",
    }.items():
        (recipe / "pipeline.yaml").write_text(text.replace("taming-vqgan", given))
        with pytest.raises(ValueError, match=expected):
            run_stage("tokenizer", recipe, runs, script="imported")
    with pytest.raises(ValueError, match=r"is the work of stages/imported\.py"):
        run_stage("tokenizer", recipe, runs)
    (recipe / "pipeline.yaml").write_text(text.replace("image_size: 64", "image_size: 128"))
    for stage in ("data", "tokenizer"):
        run_stage(stage, recipe, runs, script="imported" if stage == "tokenizer" else "")
    with pytest.raises(ValueError, match=r"the images are 64 px, .* was trained at 128 px"):
        run_stage("decoder", recipe, runs)
