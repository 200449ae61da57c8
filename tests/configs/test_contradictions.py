"""What a recipe's stages must agree on is said before anything runs."""

from pathlib import Path

import pytest

from configs.schema.contradictions import indivisible
from pipeline.graph import Recipe
from smalti.config.parsing import ConfigError

SMALL = Path(__file__).resolve().parents[2] / "configs" / "small"


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("vqgan", "ar_prior.network.head.kind=ar", "ar_prior.yaml: network.head.kind 'ar': the tokenizer has one book"),
        ("vqgan", "ar_prior.network.head.kind=mlp", "only head linear fits it"),
        ("vqgan", "ar_prior.network.embedding=concat", "embedding 'concat': the tokenizer has one book; give"),
        ("fqgan_dual", "ar_prior.network.transformer={kind: gpt}", "made of llama blocks"),
        ("fqgan_dual", "samples.ar.guidance.scale=[1, 2, 3]", "or one for each of 2 books or sub-tokens"),
        ("fqgan_dual", "tokenizer.autoencoder.num_branches=3", "num_branches 3: the quantizer has 2 books"),
        ("fqgan_dual", "tokenizer.autoencoder.latent_dim=15", "15 doesn't divide by the quantizer's 2 books"),
        ("vqgan", "tokenizer.quantizer={kind: projected_l2}", "centres are needed; give the tokenizer the input"),
        ("vqgan_lc", "tokenizer.quantizer={kind: learned}", "no use for the input 'codebook'"),
        ("lfq", "tokenizer.autoencoder.latent_dim=8", "lookup_free needs 2^latent_dim, here 2^8"),
        ("lfq", "ar_prior.network.split=[4, 4]", "2^8 codes, the tokenizer has 512; give bits that add up to 9"),
        ("lfq", "samples.ar.guidance.scale=[1, 2, 3]", "or one for each of 2 books or sub-tokens"),
        ("lfq", "samples.ar={temperatures: [1, 1, 1]}", "temperatures: give one for each of 2 books or sub-tokens"),
        ("fqgan_dual", "ar_prior.network.split=[4, 5]", "the tokenizer has 2 books, which are sub-tokens already"),
        ("vqgan_lc", "ar_prior.network.split=[4, 4]", "2^8 codes, the tokenizer has 512"),
        ("fsq", "tokenizer.quantizer.levels=[8, 8]", "2 given, one for each of latent_dim 3"),
        ("vqgan", "tokenizer.representation=[{book: 0, network: {kind: efficientnet_lite0}}]", "needs quantizer kind"),
        ("fqgan_dual", "tokenizer.quantizer.names=[one]", "at least 2; one book is its own kind"),
        ("vqgan_ema", "tokenizer.training.accumulation=2", "kind ema learns from every batch"),
        ("../quickstart", "tokenizer.attention={block_sizes: [4, 4, 8, 8]}", "phase 2 adds the attention that"),
        ("vqgan", "ar_prior.label_dropout=0", "ar.guidance.scale: guidance needs a prior that was trained"),
        ("vqgan", "data.num_classes=0", "ar.guidance.scale: there are no classes to guide by"),
        ("vqgan", "token_shards.crops=[centre, top_left]", "crops centre, top_left: the same at resize_range 1"),
        ("vqgan", "token_shards.crops=[random, top_left]", "crops top_left: the same at resize_range 1"),
        ("vqgan", "data.source={kind: flat_folder, root: .}", "ar.guidance.scale: there are no classes to guide by"),
        ("vqgan", "scores.judge={kind: efficientnet_lite0}", "judge: stage tokenizer learns from package:efficientnet"),
        (
            "../imagenet256/vqgan", "scores.lpips=[{backbone: vgg}]",
            "lpips: stage tokenizer learns from this very distance, of backbone vgg; take another",
        ),
        ("../imagenet256/vqgan", "scores.lpips=[{backbone: alex}]", "name a file of its own, such as 'alexnet.safet"),
        (
            "../imagenet256/seqgan", "scores.lpips=[{backbone: vgg}, {backbone: vgg, weights: other.safetensors}]",
            "lpips: backbone 'vgg' stands twice; list each once",
        ),
        ("../quickstart", "decoder.attention.block_sizes=[4, 4]", "block_sizes (4, 4): give one for each"),
        ("classifier", "data.num_classes=0", "classifier.yaml: the data have no classes to tell apart; take the stage"),
        ("classifier", "classifier.probe.cells=9", "probe.cells 9: the tokens' grid is 8 x 8; give at most 8"),
        ("vqgan_kmeans", "tokenizer.quantizer.reservoir=100", "at least one latent for each of 512 codes"),
    ],
)  # fmt: skip
def test_contradiction_is_one_line(name: str, change: str, expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        Recipe(SMALL / name, [change])
    assert expected in str(error.value) and "\n" not in str(error.value)


def test_lpips_of_another_backbone_than_the_loss_may_measure() -> None:
    """VQGAN-LC's family learns from LPIPS of VGG16; its recipes measure that of AlexNet, and might of SqueezeNet."""
    squeeze = "scores.lpips=[{backbone: squeeze, weights: squeezenet1_1.safetensors}]"
    for changes, expected in (([], ["alex"]), ([squeeze], ["squeeze"])):
        config = Recipe(SMALL.parent / "imagenet256" / "vqgan_lc", changes).nodes["scores"].config
        assert [lpips.backbone for lpips in config.lpips] == expected


def test_a_batch_that_does_not_divide_is_found_before_the_chain_starts() -> None:
    """Not by the recipe itself: ``lightning run --devices`` may override its devices."""
    nodes = Recipe(SMALL / "vqgan", ["ar_prior.runtime.devices=3"]).nodes
    ((stage, text),) = indivisible({name: node.config for name, node in nodes.items()})
    assert stage == "ar_prior" and "batch_size 32 is global and doesn't divide by 3 devices x 1 accumulation" in text


def test_base_and_set_chain(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(f"base: {SMALL / 'fqgan_dual'}\nset:\n  - ar_prior.training.updates=7\n")
    recipe = Recipe(tmp_path, ["samples.num_samples=9"])
    assert recipe.nodes["ar_prior"].config.training.updates == 7 and recipe.nodes["samples"].config.num_samples == 9
    assert recipe.nodes["tokenizer"].config.quantizer.num_books == 2, "from fqgan_dual"
    assert recipe.nodes["data"].config.image_size == 64, "from vqgan, its base"
    (tmp_path / "report.yaml").write_text("title: mine\n")
    assert Recipe(tmp_path).nodes["report"].config.title == "mine"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("base: .\n", "is its own base"),
        ("base: nowhere\n", "nowhere/pipeline.yaml: cannot be read"),
        (f"bass: {SMALL / 'vqgan'}\n", "did you mean 'base'"),
        (f"base: {SMALL / 'vqgan'}\nset: a.b=c\n", "expected a list of stage.key=value"),
        (f"base: {SMALL / 'vqgan'}\nset: [tokeniser.seed=1]\n", "did you mean 'tokenizer'"),
    ],
)
def test_bad_base_is_named(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "pipeline.yaml").write_text(text)
    with pytest.raises(ConfigError, match=expected):
        Recipe(tmp_path)


def test_samples_has_a_block_for_each_of_its_priors_and_no_other() -> None:
    with pytest.raises(ConfigError, match="nar: stage samples has no input nar_prior; take the block out"):
        Recipe(SMALL / "vqgan", ["samples.nar={}"])
    with pytest.raises(ConfigError, match=r"samples.yaml: ar: missing; say how ar_prior is sampled"):
        Recipe(SMALL / "vqgan", ["samples.ar=null"])
