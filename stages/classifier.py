"""Stage classifier: a vision transformer that tells an image's class from its tokens, and a linear probe beside it."""

from lightning.pytorch import seed_everything

from configs.schema.classifier import ClassifierConfig
from configs.schema.training import per_device_batch
from datamodules.mixed_tokens import LabelledTokens
from lit_modules.classifier import LitClassifier
from pipeline.job import Job, run_stage
from smalti.classifiers.code_vit import code_vit
from smalti.classifiers.mae import start_from_mae
from smalti.layers.frozen import Frozen
from smalti.metrics.top_k import TOP
from stages.results.published import check_tokenizer, load_decoding_half, save_network
from stages.results.token_probe import probe_tokens
from stages.training.trainer import fit, last_validation, run_facts, speed_up, training_trainer

STAGE = "classifier"


def build(job: Job) -> None:
    """Trains the classifier on token shards; publishes its averaged weights, and the accuracy of both on val.

    Raises:
        ValueError: the shards hold tokens of another tokenizer, or images without classes; the pretrained weights are
            of another network.
    """
    config: ClassifierConfig = job.config
    training, shards, tokenizer = config.training, job.inputs["token_shards"], job.inputs["tokenizer"]
    class_names, grid = shards.facts["class_names"], shards.facts["grid"]
    check_tokenizer([shards], tokenizer)
    if len(class_names) < 2:
        raise ValueError(f"{shards.path}: images of {len(class_names)} classes; a classifier needs at least 2")
    if config.probe.cells > min(grid):
        raise ValueError(f"probe.cells {config.probe.cells}: the tokens' grid is {grid[0]} x {grid[1]}; give fewer")
    seed_everything(training.seed, verbose=False)
    quantizer = load_decoding_half(tokenizer).quantizer
    network = code_vit(config.network, quantizer.code_dim, grid, len(class_names))
    if config.network.pretrained:
        start_from_mae(network, config.network.pretrained)
    trained = LitClassifier(network, config, len(class_names), Frozen(quantizer), grid)
    speed_up(trained, config.runtime)
    trainer = training_trainer(job, training, [])
    data = LabelledTokens(
        shards.path,
        batch_size=per_device_batch(training.batch_size, training.accumulation, trainer.world_size),
        accumulation=training.accumulation,
        seed=training.seed,
        workers=config.runtime.num_workers,
        mixup=config.mixup,
    )
    fit(job, training, trained, data, trainer)
    if job.rank:
        return
    figures = last_validation(trainer)
    probe = probe_tokens(data.train, data.val, quantizer, grid, len(class_names), config.probe, training.seed)
    absent = {f"top{k}": f"{len(class_names)} classes: it would always be right" for k in TOP if k not in probe.top}
    job.publish(
        files={"classifier.safetensors": save_network(trained.averaged_network, job.work / "classifier.safetensors")},
        records={"curves.csv": job.work / "curves.csv"},
        facts={
            "grid": grid, "class_names": class_names, "tokenizer_digest": tokenizer.digest,
            "code_dim": quantizer.code_dim, "updates": training.updates, "num_val": len(data.val),
            "val_loss_nats": figures["val/loss"], **{f"val_top{k}": figures[f"val/top{k}"] for k in probe.top},
            "probe": {
                "cells": config.probe.cells, "num_train": probe.num_train,
                **{f"val_top{k}": share for k, share in probe.top.items()},
            },
            "frequent": {f"val_top{k}": share for k, share in probe.frequent.items()},
            "absent": absent, "skipped_updates": int(trained.skipped[0]),
        },
        made_by={"figures": figures, **run_facts(trainer)},
        images=training.updates * training.batch_size,
        summary=f"val top-1 {figures['val/top1']:.1%}, linear probe {probe.top[1]:.1%}, most frequent class "
        f"{probe.frequent[1]:.1%}, chance {1 / len(class_names):.1%}; val loss {figures['val/loss']:.3f} nats",
    )  # fmt: skip


if __name__ == "__main__":
    run_stage(STAGE, build)
