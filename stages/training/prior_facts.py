"""What a published prior says of itself, by what it was trained on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PriorFacts:
    """``facts`` for downstream, and a line of ``summary``."""

    facts: dict[str, Any]
    summary: str


def token_facts(figures: Mapping[str, float], shards: Mapping[str, Any]) -> PriorFacts:
    """Returns those of a prior over tokens, from its last validation and the facts of its shards."""
    loss, entropy, chance = figures["val/loss"], shards["val_entropy"], math.log(shards["num_codes"])
    return PriorFacts(
        {
            **{name: shards[name] for name in ("num_books", "num_codes", "num_tokens", "grid")},
            "val_loss_nats": loss, "val_unigram_entropy_nats": entropy, "chance_nats": chance,
        },
        f"val loss {loss:.3f} nats = {loss / math.log(2):.3f} bits a token, "
        f"{abs(1 - loss / entropy):.1%} {'below' if loss <= entropy else 'above'} the unigram entropy {entropy:.3f} "
        f"(chance {chance:.3f})",
    )  # fmt: skip


def latent_facts(figures: Mapping[str, float], shards: Mapping[str, Any]) -> PriorFacts:
    """Returns those of a prior over latents; losses of different kinds of prior don't compare."""
    facts = {name: shards[name] for name in ("latent_dim", "grid")}
    return PriorFacts({**facts, "val_loss": figures["val/loss"]}, f"val loss {figures['val/loss']:.4f}")
