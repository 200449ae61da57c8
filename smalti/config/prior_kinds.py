"""The kinds of priors: each is declared here, and everything else goes by these entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from smalti.config.names import load_name
from smalti.config.priors import ArPriorNetworkConfig, NarPriorNetworkConfig
from smalti.config.sampling import ArSamplingConfig, NarSamplingConfig


@dataclass(frozen=True, kw_only=True)
class PriorKind:
    """One kind of prior.

    Its stage is declared in ``configs/schema/<stage>.py``; the script ``stages/<stage>.py`` names its LightningModule.
    """

    name: str
    """Its block in samples.yaml, and the folder of its samples."""
    title: str
    """What tables and pictures call it."""
    trains_on: Literal["tokens"]
    """What it is trained on: the shards of the stage that keeps these."""
    network: str
    """``module:class``; the class takes ``network_config`` and the counts of a TokenSpace."""
    network_config: type
    """Its shape, the block ``network`` of its stage's config."""
    sampler: str
    """``module:function`` from (network, settings, seed) to a Sampler."""
    sampling_config: type
    """The sampler's settings, a SamplingConfig."""

    @property
    def stage(self) -> str:
        """The stage that trains it."""
        return f"{self.name}_prior"

    @property
    def shards(self) -> str:
        """The stage whose shards it is trained on."""
        return {"tokens": "token_shards"}[self.trains_on]

    def build(self, config: Any, space: "TokenSpace") -> Any:
        """Returns the network, with fresh weights."""
        network = load_name(self.network)
        return network(config, space.num_books, space.num_codes, space.num_tokens, space.num_classes)

    def make_sampler(self, network: Any, settings: Any, seed: int) -> Any:
        """Returns the Sampler of a network: (labels (B,), sample indices) to tokens (B, k, N)."""
        return load_name(self.sampler)(network, settings, seed)


@dataclass(frozen=True, kw_only=True)
class TokenSpace:
    """What a prior is over: ``num_books`` k tokens of ``num_codes`` K codes each at ``num_tokens`` N positions, of
    images of ``num_classes`` classes (0: no labels)."""

    num_books: int
    num_codes: int
    num_tokens: int
    num_classes: int

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "TokenSpace":
        """Returns the space that token shards, or a prior trained on them, were published with."""
        counts = {name: facts[name] for name in ("num_books", "num_codes", "num_tokens")}
        return cls(**counts, num_classes=len(facts["class_names"]))


PRIOR_KINDS = {
    kind.name: kind
    for kind in (
        PriorKind(
            name="ar",
            title="AR prior",
            trains_on="tokens",
            network="smalti.priors.causal:CausalPrior",
            network_config=ArPriorNetworkConfig,
            sampler="smalti.samplers.causal:causal_sampler",
            sampling_config=ArSamplingConfig,
        ),
        PriorKind(
            name="nar",
            title="NAR prior",
            trains_on="tokens",
            network="smalti.priors.masked:MaskedPrior",
            network_config=NarPriorNetworkConfig,
            sampler="smalti.samplers.masked:masked_sampler",
            sampling_config=NarSamplingConfig,
        ),
    )
}
PRIOR_STAGES = {kind.stage: kind for kind in PRIOR_KINDS.values()}
