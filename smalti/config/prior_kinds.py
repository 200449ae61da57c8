"""The kinds of priors: each is declared here, and everything else goes by these entries."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from smalti.config.latent_priors import DitNetworkConfig, LatentSpace, UnetNetworkConfig
from smalti.config.latent_sampling import DitSamplingConfig, LdmSamplingConfig, SitSamplingConfig
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
    trains_on: Literal["tokens", "latents"]
    """What it is trained on: the shards of the stage that keeps these."""
    network: str
    """``module:class``; the class takes ``network_config``, and the counts of a TokenSpace or a LatentSpace itself."""
    network_config: type
    """Its shape, the block ``network`` of its stage's config."""
    sampler: str
    """``module:function`` from (network, settings, seed) to a Sampler: of tokens, or of latents."""
    sampling_config: type
    """The sampler's settings, a SamplingConfig."""

    @property
    def stage(self) -> str:
        """The stage that trains it."""
        return f"{self.name}_prior"

    @property
    def shards(self) -> str:
        """The stage whose shards it is trained on."""
        return {"tokens": "token_shards", "latents": "latent_shards"}[self.trains_on]

    @property
    def space(self) -> "type[TokenSpace] | type[LatentSpace]":
        """What its space is described by."""
        return {"tokens": TokenSpace, "latents": LatentSpace}[self.trains_on]

    def build(self, config: Any, space: "TokenSpace | LatentSpace") -> Any:
        """Returns the network, with fresh weights."""
        network = load_name(self.network)
        if isinstance(space, LatentSpace):
            return network(config, space)
        return network(config, space.num_books, space.num_codes, space.num_tokens, space.num_classes)

    def make_sampler(self, network: Any, settings: Any, seed: int, given: Any = None) -> Any:
        """Returns the Sampler of a network: (labels (B,), indices) to tokens (B, k, N) or latents (B, D, h, w).

        Args:
            given: of priors over tokens, the Given tokens that the samples keep.

        Raises:
            ValueError: given tokens, and a prior over latents.
        """
        if given is None:
            return load_name(self.sampler)(network, settings, seed)
        if self.trains_on != "tokens":
            raise ValueError(
                f"keep: the {self.title} draws latents, of which no token can be kept; take an AR or NAR prior"
            )
        return load_name(self.sampler)(network, settings, seed, given)


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

    def misfits(self, grid: Sequence[int], num_classes: int) -> Iterator[str]:
        """Yields what can't be, of a prior on this ``grid`` with so many classes."""
        if min(self.num_books, self.num_codes, self.num_tokens) < 1:
            yield f"space {self}: books, codes and tokens are at least 1 each"
        if math.prod(grid) != self.num_tokens:
            yield f"grid {list(grid)}: two sides are needed, whose product is {self.num_tokens}"
        if num_classes != self.num_classes:
            yield f"class_names: {num_classes} names, num_classes is {self.num_classes}"


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
        PriorKind(
            name="ldm",
            title="LDM prior",
            trains_on="latents",
            network="smalti.priors.unet:LatentUnet",
            network_config=UnetNetworkConfig,
            sampler="smalti.samplers.diffusion:ldm_sampler",
            sampling_config=LdmSamplingConfig,
        ),
        PriorKind(
            name="dit",
            title="DiT prior",
            trains_on="latents",
            network="smalti.priors.dit:Dit",
            network_config=DitNetworkConfig,
            sampler="smalti.samplers.diffusion:dit_sampler",
            sampling_config=DitSamplingConfig,
        ),
        PriorKind(
            name="sit",
            title="SiT prior",
            trains_on="latents",
            network="smalti.priors.dit:Dit",
            network_config=DitNetworkConfig,
            sampler="smalti.samplers.flow:sit_sampler",
            sampling_config=SitSamplingConfig,
        ),
    )
}
PRIOR_STAGES = {kind.stage: kind for kind in PRIOR_KINDS.values()}
