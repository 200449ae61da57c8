"""What the stages of one recipe have to agree on, checked before anything starts."""

from collections.abc import Iterator, Mapping
from typing import Any

from configs.schema.classifier import ClassifierConfig
from configs.schema.data import DataConfig
from configs.schema.decoder import DecoderConfig
from configs.schema.generation import GenerationConfig
from configs.schema.imported import ImportedConfig
from configs.schema.samples import SamplesConfig
from configs.schema.sources import FlatFolder, LsunLmdb
from configs.schema.sweep import SweepConfig
from configs.schema.tokenizer import TokenizerConfig
from configs.schema.training import per_device_batch
from smalti.config.autoencoders import FqganConfig
from smalti.config.codebooks import FactorisedConfig
from smalti.config.latent_priors import LatentSpace
from smalti.config.losses import LpipsLossConfig
from smalti.config.prior_kinds import PRIOR_KINDS, PRIOR_STAGES
from smalti.config.sampling import SamplingConfig
from smalti.config.weights import weights_of

# What is missing where a prior has no block, by the stage that has the blocks.
BLOCKS = {
    "sweep": "say what is tried of {prior} ({name}: {{vary: [...]}})",
    "samples": "say how {prior} is sampled ({name}: {{}} takes the defaults)",
}


def num_books(tokenizer: TokenizerConfig) -> int:
    """Returns the number of codebooks k of a tokenizer."""
    return getattr(tokenizer.quantizer, "num_books", 1)


def num_codes(tokenizer: TokenizerConfig, codebook: Any) -> int | None:
    """Returns the codes K of each book of a tokenizer, by the config of stage ``codebook`` where its centres are the
    codes; None if that isn't in the recipe."""
    quantizer = tokenizer.quantizer
    holder = getattr(quantizer, "book", quantizer)
    found: int | None = getattr(codebook if quantizer.needs_centres else holder, "num_codes", None)
    return found


def num_classes(data: DataConfig | None) -> int | None:
    """Returns 0 for data without labels, None where stage data will tell."""
    if data is None:
        return None
    return 0 if isinstance(data.source, FlatFolder | LsunLmdb) else data.num_classes


def latent_space(tokenizer: TokenizerConfig, data: DataConfig | None) -> LatentSpace | None:
    """Returns the space of a tokenizer's latents, None where stage data is another recipe's."""
    if data is None:
        return None
    side, channels = data.image_size // tokenizer.autoencoder.factor, tokenizer.autoencoder.latent_dim
    return LatentSpace(num_channels=channels, grid=(side, side), num_classes=num_classes(data) or 0)


def contradictions(configs: Mapping[str, Any], inputs: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """Yields (stage, what is wrong and what would be right) for configs and inputs by stage."""
    yield from _blocks(configs, inputs)
    yield from (("samples", text) for text in _choices(configs, inputs))
    yield from _judges(configs)
    tokenizer, decoder = configs.get("tokenizer"), configs.get("decoder")
    if tokenizer and isinstance(decoder, DecoderConfig):
        yield from (("decoder", text) for text in decoder.misfits(isinstance(tokenizer, ImportedConfig)))
    if not isinstance(tokenizer, TokenizerConfig):
        return
    yield from (("tokenizer", text) for text in _tokenizer(tokenizer, "codebook" in inputs.get("tokenizer", {})))
    factor, images = tokenizer.autoencoder.factor, configs.get("data")
    if isinstance(images, DataConfig) and images.image_size % factor:
        size, nearest = images.image_size, max(1, images.image_size // factor) * factor
        yield "data", f"image_size {size}: tokens of {factor} x {factor} px don't divide it; take {nearest}"
    if tokenizer.attention and "decoder" in configs:
        yield "decoder", "phase 2 adds the attention that tokenizer.attention gives phase 1; take one of them out"
    for stage in ("tokenizer", "decoder"):
        attention = getattr(configs.get(stage), "attention", None)
        levels = len(tokenizer.autoencoder.widths)
        if attention and len(attention.block_sizes) != levels:
            yield stage, f"attention.block_sizes {attention.block_sizes}: give one for each of the {levels} levels"
    books, codes = num_books(tokenizer), num_codes(tokenizer, configs.get("codebook"))
    space = latent_space(tokenizer, configs.get("data"))
    for stage, kind in PRIOR_STAGES.items():
        if stage in configs and not isinstance(configs[stage], ImportedConfig):
            network = configs[stage].network
            yield from ((stage, f"network.{text}") for text in network.misfits(books, codes))
            if kind.trains_on == "latents" and space:
                yield from ((stage, f"network.{text}") for text in network.misfits_of(space))
    if "latent_shards" in configs and tokenizer.quantizer.no_latents:
        yield "latent_shards", tokenizer.quantizer.no_latents
    classifier, data = configs.get("classifier"), configs.get("data")
    if isinstance(classifier, ClassifierConfig) and isinstance(data, DataConfig):
        yield from (("classifier", text) for text in _classifier(classifier, tokenizer, data))
    yield from _samplers(configs, inputs, tokenizer)


def _samplers(
    configs: Mapping[str, Any], inputs: Mapping[str, Mapping[str, str]], tokenizer: TokenizerConfig
) -> Iterator[tuple[str, str]]:
    """Yields settings of samplers, drawn by stage samples or tried by stage sweep, that a prior can't have."""
    books, classes = num_books(tokenizer), num_classes(configs.get("data"))
    for stage, name, settings in _settings(configs):
        yield from ((stage, f"{name}.{text}") for text in settings.misfits_with(tokenizer.quantizer))
        prior = PRIOR_KINDS[name].stage
        if prior in configs and not isinstance(configs[prior], ImportedConfig):
            number = configs[prior].network.num_sub_tokens(books)
            yield from ((stage, f"{name}.{text}") for text in settings.misfits(number))
            if settings.guidance.active and inputs.get(stage, {}).get(prior) == prior:
                yield from ((stage, text) for text in guidance(name, configs[prior].label_dropout, classes))


def _settings(configs: Mapping[str, Any]) -> Iterator[tuple[str, str, SamplingConfig]]:
    """Yields (stage, kind of prior, settings) of all that is drawn or tried."""
    samples, sweep = configs.get("samples"), configs.get("sweep")
    if isinstance(samples, SamplesConfig):
        yield from (("samples", name, settings) for name, settings in samples.settings().items())
    if isinstance(sweep, SweepConfig):
        for name, block in sweep.searches().items():
            yield from (("sweep", name, settings) for settings in block.around_start())


def _classifier(config: ClassifierConfig, tokenizer: TokenizerConfig, data: DataConfig) -> Iterator[str]:
    if num_classes(data) == 0:
        yield "the data have no classes to tell apart; take the stage out"
    side = data.image_size // tokenizer.autoencoder.factor
    if config.probe.cells > side:
        yield f"probe.cells {config.probe.cells}: the tokens' grid is {side} x {side}; give at most {side}"


def _blocks(configs: Mapping[str, Any], inputs: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """Yields blocks of stages samples and sweep without their prior, and priors without their block."""
    for stage, remedy_of in BLOCKS.items():
        if stage not in configs:
            continue
        priors = inputs.get(stage, {})
        for name, kind in PRIOR_KINDS.items():
            given = getattr(configs[stage], name) is not None
            if given and kind.stage not in priors:
                remedy = f"take the block out ({name}: null in a derived recipe), or add the input"
                yield stage, f"{name}: stage {stage} has no input {kind.stage}; {remedy}"
            if not given and kind.stage in priors:
                yield stage, f"{name}: missing; {remedy_of.format(name=name, prior=kind.stage)}"


def _choices(configs: Mapping[str, Any], inputs: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yields what stage samples leaves to stage sweep, which doesn't choose it, or chose it by the same noise."""
    samples, sweep = configs.get("samples"), configs.get("sweep")
    if not isinstance(samples, SamplesConfig):
        return
    for name in samples.chosen():
        source = inputs.get("samples", {}).get("sweep")
        if source is None:
            yield f"{name}: auto, and stage samples has no input sweep; add it, or write the settings"
        elif source == "sweep" and isinstance(sweep, SweepConfig):
            if name not in sweep.searches():
                yield f"{name}: auto, and stage sweep has no block {name}; add it, or write the settings"
            if sweep.seed == samples.seed:
                yield f"seed {samples.seed}: stage sweep chose {name} by the noise of this seed; take another one"


def indivisible(configs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields (stage, what is wrong) for batches that don't divide by the recipe's devices, which a launcher may
    override: a stage itself goes by those that it has."""
    for stage, config in configs.items():
        if training := getattr(config, "training", None):
            try:
                per_device_batch(
                    training.batch_size, training.accumulation, config.runtime.devices * config.runtime.num_nodes
                )
            except ValueError as error:
                yield stage, str(error)


def _judges(configs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for judging in ("sweep", "scores"):
        config = configs.get(judging)
        if not isinstance(config, GenerationConfig):
            continue
        backbones = [lpips.backbone for lpips in getattr(config, "lpips", ())]
        for stage in ("codebook", "tokenizer", "decoder"):
            if stage in configs and config.judge.weights in weights_of(configs[stage]):
                weights = config.judge.weights
                yield judging, f"judge: stage {stage} learns from {weights}; a teacher can't be the judge, name another"
            loss = getattr(configs.get(stage), "perceptual", None)
            if isinstance(loss, LpipsLossConfig) and loss.backbone in backbones:
                text = f"stage {stage} learns from this very distance, of backbone {loss.backbone}; take another"
                yield judging, f"lpips: {text}"


def guidance(kind: str, label_dropout: float, num_classes: int | None) -> Iterator[str]:
    """Yields what is wrong with guidance of a prior that was trained so; ``num_classes`` None isn't known yet."""
    if num_classes == 0:
        yield f"{kind}.guidance.scale: there are no classes to guide by; leave the guidance out"
    elif not label_dropout:
        yield (
            f"{kind}.guidance.scale: guidance needs a prior that was trained without labels now and then, and "
            f"{kind}_prior.label_dropout is 0; train with 0.1, or leave the guidance out"
        )


def _tokenizer(config: TokenizerConfig, has_codebook: bool) -> Iterator[str]:
    quantizer = config.quantizer
    if quantizer.needs_centres != has_codebook:
        if has_codebook:
            yield f"quantizer kind {quantizer.kind!r} has no use for the input 'codebook'; take it out of pipeline.yaml"
        else:
            yield "quantizer: centres are needed; give the tokenizer the input 'codebook' in pipeline.yaml"
    yield from (f"quantizer.{text}" for text in quantizer.misfits(config.autoencoder.latent_dim))
    if config.training.accumulation > 1 and quantizer.learns_from_batches:
        yield (
            f"training.accumulation {config.training.accumulation}: kind {quantizer.kind} learns from every batch that "
            "it sees, not from the sum of several; take more devices or a smaller batch_size"
        )
    if isinstance(config.autoencoder, FqganConfig):
        books = num_books(config)
        if config.autoencoder.num_branches != books:
            yield f"autoencoder.num_branches {config.autoencoder.num_branches}: the quantizer has {books} books"
    for part in config.representation:
        if not isinstance(quantizer, FactorisedConfig):
            yield f"representation needs quantizer kind factorised, not {quantizer.kind}"
        elif not 0 <= part.book < quantizer.num_books:
            yield f"representation.book {part.book}: the books are 0 to {quantizer.num_books - 1}"
