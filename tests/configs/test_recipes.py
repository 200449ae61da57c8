"""Every recipe that ships parses, and says what the paper says."""

from pathlib import Path

import pytest

from pipeline.config import read_yaml
from pipeline.graph import Recipe
from smalti.config.weights import weights_of

PROJECT = Path(__file__).resolve().parents[2]
RECIPES = sorted(path.parent for path in (PROJECT / "configs").rglob("pipeline.yaml"))


def chain(folder: Path) -> list[Path]:
    """Returns a recipe's folder and those that it is based on."""
    base = read_yaml(folder / "pipeline.yaml").get("base")
    return [folder, *(chain((folder / base).resolve()) if base else [])]


@pytest.mark.parametrize("folder", RECIPES, ids=lambda folder: str(folder.relative_to(PROJECT / "configs")))
def test_recipe_parses_and_is_whole(folder: Path) -> None:
    used = {stage for other in RECIPES if folder in chain(other) for stage in Recipe(other).nodes}
    unused = {path.stem for path in folder.glob("*.yaml")} - used - {"pipeline"}
    assert not unused, f"{folder} has configs of no stage of its own or of a recipe based on it: {unused}"
    head = (folder / "pipeline.yaml").read_text().splitlines()[0]
    assert head.startswith("#"), "a recipe says what it is in its first line"


# SeQ-GAN Tables 9 and 10: batch and updates of phase 1, batch of phase 2, batch and updates of the priors, top-p,
# temperature.
TABLES = {
    "imagenet256/seqgan": (256, 500_000, 128, 256, 1_500_000, 0.92, 0.45),
    "imagenet256/seqgan_large": (256, 500_000, 128, 256, 1_500_000, 0.92, 0.45),
    "ffhq256/seqgan": (64, 300_000, 32, 32, 500_000, 0.98, 0.65),
    "lsun256/seqgan_cat": (64, 26_000, 64, 256, 500_000, 0.98, 0.65),
    "lsun256/seqgan_bedroom": (64, 48_000, 64, 256, 500_000, 0.98, 0.65),
    "lsun256/seqgan_church": (32, 4_000, 32, 64, 500_000, 0.98, 0.65),
}


@pytest.mark.parametrize("name", TABLES)
def test_seqgan_recipes_follow_tables_9_and_10(name: str) -> None:
    nodes = Recipe(PROJECT / "configs" / name).nodes
    phase1, phase2, ar, nar, samples = (
        nodes[stage].config for stage in ("tokenizer", "decoder", "ar_prior", "nar_prior", "samples")
    )
    found = (
        phase1.training.batch_size, phase1.training.updates, phase2.training.batch_size, ar.training.batch_size,
        ar.training.updates, samples.ar.top_p, samples.nar.choice_temperature,
    )  # fmt: skip
    assert found == TABLES[name]
    assert (phase1.perceptual.alpha, phase2.perceptual.alpha) == (1, 0)
    assert phase1.optimizer.betas == (0.9, 0.99) and phase2.optimizer.betas == (0.5, 0.9)
    assert phase2.training.updates == 200_000 and phase2.optimizer.lr == 5e-5
    for prior in (ar, nar):
        assert prior.optimizer.betas == (0.9, 0.96) and prior.optimizer.weight_decay == 0.01
        network = prior.network.transformer
        assert (network.num_layers, network.num_heads, network.dropout) == (24, 16, 0.1)
        assert prior.optimizer.warmup == 0 and prior.label_dropout == 0
    assert (ar.label_smoothing, nar.label_smoothing) == (0, 0.1)
    assert (ar.optimizer.decay, ar.optimizer.end_lr, ar.optimizer.decay_start) == ("exponential", 5e-6, 80_000)
    assert (nar.optimizer.decay, nar.optimizer.end_lr, nar.optimizer.decay_start) == ("linear", 0, 50_000)
    lsun = name.startswith("lsun")
    assert ("init_from" in nodes["tokenizer"].inputs) == lsun
    assert phase1.optimizer.lr == (5e-5 if lsun else 1e-4)


def test_seqgan_ablations_follow_section_6_1() -> None:
    """Tables 1, 5 and 6: tokenizers and priors with batches of 64, the priors for 500,000 updates."""
    nodes = Recipe(PROJECT / "configs" / "imagenet256" / "vqgan_kmeans").nodes
    lengths = {
        stage: (nodes[stage].config.training.updates, nodes[stage].config.training.batch_size)
        for stage in ("tokenizer", "ar_prior", "nar_prior")
    }
    assert lengths == dict.fromkeys(("tokenizer", "ar_prior", "nar_prior"), (500_000, 64))


@pytest.mark.parametrize("name", ["fqgan_dual", "fqgan_triple", "fqgan_dual_f8", "fqgan_triple_f8"])
def test_fqgan_recipes_train_the_released_objective(name: str) -> None:
    """tokenizer/vq_loss.py and the scripts: InfoNCE of bare cosines against the images of one GPU; entropies
    with 1e-5 in its logarithm."""
    config = Recipe(PROJECT / "configs" / "imagenet256" / name).nodes["tokenizer"].config
    assert {(each.temperature, each.negatives, each.weight) for each in config.representation} == {(1.0, "local", 0.5)}
    book = config.quantizer.book
    terms = (book.entropy_weight, book.sample_entropy_weight, book.entropy_temperature, book.entropy_epsilon)
    assert terms == (0.03, 0.03, 0.01, 1e-5)


PAPERS = [folder for folder in RECIPES if folder.parent.name.endswith("256")]


@pytest.mark.parametrize("folder", PAPERS, ids=lambda folder: str(folder.relative_to(PROJECT / "configs")))
def test_head_says_what_a_papers_recipe_costs(folder: Path) -> None:
    lines = (folder / "pipeline.yaml").read_text().splitlines()
    head = lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))]
    assert any(line.startswith("# Cost: ") for line in head)


@pytest.mark.parametrize("folder", PAPERS, ids=lambda folder: str(folder.relative_to(PROJECT / "configs")))
def test_forward_passes_fit_into_40_gb(folder: Path) -> None:
    """Tokens: a few float32 maps of the finest level, all views at once. Samples: keys and values of all layers."""
    nodes = Recipe(folder).nodes
    size, shape = nodes["data"].config.image_size, nodes["tokenizer"].config.autoencoder
    finest = 4 * shape.widths[0] * size**2
    for shards in (nodes[stage].config for stage in ("token_shards", "latent_shards") if stage in nodes):
        assert 4 * finest * shards.batch_size * shards.num_views <= 40e9
    if "ar_prior" not in nodes:
        return
    samples = nodes["samples"].config
    network = nodes["ar_prior"].config.network.transformer
    rows = samples.batch_size * (1 if samples.ar.guidance.scale == (1.0,) else 2)
    assert 2 * 4 * network.num_layers * network.width * (size // shape.factor) ** 2 * rows <= 40e9


CLASSIFIERS = [folder for folder in PAPERS if folder.name.endswith("_classifier")]
OTHERS = {"vqgan_kmeans", "vqgan_latents", "vqgan_lc_latents", *(folder.name for folder in CLASSIFIERS)}
VQGAN_LC = [folder for folder in PAPERS if folder.name.startswith("vqgan") and folder.name not in OTHERS]


@pytest.mark.parametrize("folder", VQGAN_LC, ids=lambda folder: str(folder.relative_to(PROJECT / "configs")))
def test_gpt_of_vqgan_lc_trains_as_released(folder: Path) -> None:
    """training_gpt.py, models_gpt.py and deepspeed_gpt_zero2_small.json; the decay by the paper's appendix A."""
    config = Recipe(folder).nodes["ar_prior"].config
    assert (config.network.transformer.dropout, config.label_dropout, config.label_smoothing) == (0, 0, 0)
    assert (config.training.ema_decay, config.pkeep, config.training.batch_size) == (0, 0.8, 1024)
    optimizer = config.optimizer
    assert (optimizer.lr, optimizer.betas, optimizer.weight_decay) == (4.5e-4, (0.9, 0.95), 0.01)
    assert (optimizer.decay, optimizer.clip_norm) == ("linear", None)


@pytest.mark.parametrize("folder", CLASSIFIERS, ids=lambda folder: folder.name)
def test_classifiers_are_fine_tuned_as_mae_is(folder: Path) -> None:
    """FINETUNE.md and main_finetune.py, ViT-B; on the tokens of the recipe whose name they have, to the same key."""
    nodes = Recipe(folder).nodes
    config = nodes["classifier"].config
    training, optimizer, network = config.training, config.optimizer, config.network
    epoch = 1_281_167 // 1024
    assert (training.batch_size, training.updates, training.ema_decay) == (1024, 100 * epoch, 0)
    assert (optimizer.lr, optimizer.end_lr, optimizer.warmup) == (5e-4 * 1024 / 256, 1e-6, 5 * epoch)
    assert (optimizer.decay, optimizer.decay_start, optimizer.clip_norm) == ("cosine", 0, None)
    assert (optimizer.betas, optimizer.weight_decay, optimizer.layer_decay) == ((0.9, 0.999), 0.05, 0.65)
    assert (network.num_layers, network.num_heads, network.width, network.drop_path) == (12, 12, 768, 0.1)
    assert (config.label_smoothing, config.mixup) == (0.1, 0.8)
    assert weights_of(config) == ["mae_vit_base.safetensors"]
    others = Recipe(folder.parent / folder.name.removesuffix("_classifier")).nodes
    for stage in ("data", "tokenizer", "token_shards"):
        assert (nodes[stage].config, nodes[stage].inputs) == (others[stage].config, others[stage].inputs)


# What a tokenizer's released training cuts out of an image, the smallest share of the shorter side, and whether it is
# mirrored: training_vqgan.py of VQGAN-LC, random_crop_arr in tokenizer/tokenizer_image of LlamaGen and FQGAN.
CROPS = {
    "imagenet256/vqgan": ("random", 1, False),
    "imagenet256/vqgan_fc": ("random", 1, False),
    "imagenet256/vqgan_ema": ("random", 1, False),
    "imagenet256/vqgan_lc": ("random", 1, False),
    "imagenet256/vqgan_lc_f8": ("random", 1, False),
    "ffhq256/vqgan_lc": ("random", 1, False),  # square images, taken whole
    "ffhq256/vqgan_fc": ("random", 1, False),
    "ffhq256/vqgan_ema": ("random", 1, False),
    "imagenet256/fqgan_dual": ("random_resized", 0.8, True),
    "imagenet256/fqgan_triple": ("random_resized", 0.8, True),
    "imagenet256/fqgan_dual_f8": ("random_resized", 0.8, True),
    "imagenet256/fqgan_triple_f8": ("random_resized", 0.8, True),
}


@pytest.mark.parametrize("name", CROPS)
def test_images_are_cropped_as_released(name: str) -> None:
    loading = Recipe(PROJECT / "configs" / name).nodes["tokenizer"].config.loading
    assert (loading.crop, loading.min_scale, loading.flip) == CROPS[name]


@pytest.mark.parametrize("name", ["vqgan_lc", "vqgan_fc", "vqgan_ema", "vqgan_lc_from_imagenet"])
def test_ffhq_recipes_of_vqgan_lc_count_epochs_of_60_000_images(name: str) -> None:
    """Section 4.1: 800 epochs for the tokenizer. Appendix A: 100 for the GPT, 5 of them warm-up."""
    nodes = Recipe(PROJECT / "configs" / "ffhq256" / name).nodes
    for stage, epochs in (("tokenizer", 800), ("ar_prior", 100)):
        config = nodes[stage].config
        epoch = 60_000 / config.training.batch_size
        assert config.training.updates == pytest.approx(epochs * epoch, rel=0.01)
        assert config.optimizer.warmup == pytest.approx(5 * epoch, rel=0.03)
        assert config.optimizer.decay_start == config.optimizer.warmup
        assert config.training.validate_every < config.training.updates / 5


def test_rqvae_trains_as_released() -> None:
    """Nothing of VQGAN-LC's schedule and losses is left over from the base."""
    config = Recipe(PROJECT / "configs" / "imagenet256" / "rqvae").nodes["tokenizer"].config
    assert (config.reconstruction, config.quantizer_weight, config.perceptual.weight) == ("l2", 1, 1)
    gan = config.gan
    assert (gan.weight, gan.adaptive, gan.discriminator_start, gan.generator_start) == (0.75, True, 0, 0)
    for optimizer in (config.optimizer, config.discriminator_optimizer):
        assert (optimizer.lr, optimizer.betas, optimizer.decay) == (4e-5, (0.5, 0.9), "none")
    epoch = 1_281_167 / config.training.batch_size
    assert config.training.updates == pytest.approx(10 * epoch, rel=0.001)
    assert config.optimizer.warmup == pytest.approx(epoch / 2, rel=0.001)
