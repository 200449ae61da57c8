"""Training of priors on shards: what the stages that train priors share."""

from typing import Any

import torch
from lightning.pytorch import seed_everything

from callbacks.previews import Previews
from configs.schema.priors import LatentPriorConfig, PriorConfig
from configs.schema.training import per_device_batch
from datamodules.latents import latent_batch
from datamodules.rows import MakeBatch, Rows, ShardRows
from datamodules.tokens import token_batch
from lit_modules.latent_prior import LitLatentPrior
from lit_modules.prior import LitPrior
from lit_modules.sharing import collected
from pipeline.job import Job
from smalti.config.prior_kinds import PRIOR_STAGES
from smalti.layers.frozen import Frozen
from smalti.tensors import write_tensors
from stages.results.published import check_tokenizer, load_decoding_half, previews
from stages.training.prior_facts import latent_facts, token_facts
from stages.training.trainer import fit, last_validation, run_facts, speed_up, training_trainer

BATCHES: dict[str, MakeBatch] = {"tokens": token_batch, "latents": latent_batch}
FACTS = {"tokens": token_facts, "latents": latent_facts}


def train_prior(job: Job, module: type[LitPrior] | type[LitLatentPrior]) -> None:
    """Trains the kind of prior that the stage names, by ``module``, on its shards; publishes its averaged weights.

    Images and encoder aren't loaded: the shards hold all of them.

    Raises:
        ValueError: the shards were made by another tokenizer.
    """
    config: PriorConfig = job.config
    kind = PRIOR_STAGES[job.stage]
    training, shards, tokenizer = config.training, job.inputs[kind.shards], job.inputs["tokenizer"]
    facts = shards.facts
    check_tokenizer([shards], tokenizer)
    num_classes = len(facts["class_names"])
    seed_everything(training.seed, verbose=False)
    prior = kind.build(config.network, kind.space.of(facts))
    if isinstance(config, LatentPriorConfig) and config.standardise:
        prior.set_statistics(torch.tensor(facts["mean"]), torch.tensor(facts["std"]))
    half: Any = Frozen(load_decoding_half(tokenizer))
    trained = module(prior, config, num_classes, half, facts["grid"])  # type: ignore[arg-type]
    speed_up(trained, config.runtime)
    labels = torch.arange(16) % max(1, num_classes)
    trainer = training_trainer(job, training, [Previews(labels, job.work / "previews")])
    data = Rows(
        ShardRows(shards.path, "train", kind.trains_on),
        ShardRows(shards.path, "val", kind.trains_on),
        BATCHES[kind.trains_on],
        batch_size=per_device_batch(training.batch_size, training.accumulation, trainer.world_size),
        accumulation=training.accumulation,
        seed=training.seed,
        workers=config.runtime.num_workers,
        class_balanced=config.class_balanced,
    )
    fit(job, training, trained, data, trainer)
    weights, file = collected(trained.averaged_network.state_dict(), not job.rank), job.work / "prior.safetensors"
    if job.rank:
        return
    write_tensors(weights, file)
    figures = last_validation(trainer)
    found = FACTS[kind.trains_on](figures, facts)
    job.publish(
        files={file.name: file},
        records={"curves.csv": job.work / "curves.csv", **previews(job)},
        facts={
            **found.facts, "class_names": facts["class_names"], "tokenizer_digest": facts["tokenizer_digest"],
            "updates": training.updates, "skipped_updates": int(trained.skipped[0]),
        },
        made_by={"figures": figures, "parameters": sum(p.numel() for p in prior.parameters()), **run_facts(trainer)},
        images=training.updates * training.batch_size,
        summary=found.summary,
    )  # fmt: skip
