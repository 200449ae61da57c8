"""Training of priors on shards: what the stages that train priors share."""

import math

import torch
from lightning.pytorch import seed_everything

from callbacks.previews import Previews
from configs.schema.priors import PriorConfig
from configs.schema.training import per_device_batch
from datamodules.tokens import TokenRows, Tokens
from lit_modules.prior import LitPrior
from pipeline.job import Job
from smalti.config.prior_kinds import PRIOR_STAGES, TokenSpace
from smalti.layers.frozen import Frozen
from stages.results.published import check_tokenizer, load_tokenizer, previews, save_network
from stages.training.trainer import fit, last_validation, run_facts, speed_up, training_trainer


def train_prior(job: Job, module: type[LitPrior]) -> None:
    """Trains the kind of prior that the stage names, by ``module``, on token shards; publishes its averaged weights.

    Raises:
        ValueError: the shards hold tokens of another tokenizer.
    """
    config: PriorConfig = job.config
    kind = PRIOR_STAGES[job.stage]
    training, shards, tokenizer = config.training, job.inputs[kind.shards], job.inputs["tokenizer"]
    facts = shards.facts
    check_tokenizer([shards], tokenizer)
    num_classes = len(facts["class_names"])
    seed_everything(training.seed, verbose=False)
    prior = kind.build(config.network, TokenSpace.of(facts))
    trained = module(prior, config, num_classes, Frozen(load_tokenizer(tokenizer)), facts["grid"])
    speed_up(trained, config.runtime)
    labels = torch.arange(16) % max(1, num_classes)
    trainer = training_trainer(job, training, [Previews(labels, job.work / "previews")])
    data = Tokens(
        TokenRows(shards.path, "train"),
        TokenRows(shards.path, "val"),
        batch_size=per_device_batch(training.batch_size, training.accumulation, trainer.world_size),
        accumulation=training.accumulation,
        seed=training.seed,
        workers=config.runtime.num_workers,
        class_balanced=config.class_balanced,
    )
    fit(job, training, trained, data, trainer)
    if job.rank:
        return
    figures = last_validation(trainer)
    loss, entropy, chance = figures["val/loss"], facts["val_entropy"], math.log(facts["num_codes"])
    inherited = ("num_books", "num_codes", "num_tokens", "grid", "class_names", "tokenizer_digest")
    job.publish(
        files={"prior.safetensors": save_network(trained.averaged_network, job.work / "prior.safetensors")},
        records={"curves.csv": job.work / "curves.csv", **previews(job)},
        facts={
            **{name: facts[name] for name in inherited}, "updates": training.updates,
            "val_loss_nats": loss, "val_unigram_entropy_nats": entropy, "chance_nats": chance,
            "skipped_updates": int(trained.skipped[0]),
        },
        made_by={"figures": figures, **run_facts(trainer)},
        images=training.updates * training.batch_size,
        summary=f"val loss {loss:.3f} nats = {loss / math.log(2):.3f} bits a token, "
        f"{1 - loss / entropy:.1%} below the unigram entropy {entropy:.3f} (chance {chance:.3f})",
    )  # fmt: skip
