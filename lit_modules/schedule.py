"""Learning rates and optimisers."""

import math
from collections.abc import Callable

import torch
from torch import nn

from configs.schema.training import OptimizerConfig


def learning_rate(config: OptimizerConfig, update: int, updates: int) -> float:
    """Returns the learning rate of ``update``, counted from 0, in a training of ``updates``.

    It is a pure function, so that resuming needs no scheduler state.

    >>> config = OptimizerConfig(lr=1.0, warmup=2, decay="linear", decay_start=2, end_lr=0.0)
    >>> [learning_rate(config, update, 6) for update in range(6)]
    [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
    >>> [learning_rate(OptimizerConfig(lr=8.0, drops=(2, 3), drop_factor=0.5), update, 4) for update in range(4)]
    [8.0, 8.0, 4.0, 2.0]
    """
    return curve(config, update, updates) * config.drop_factor ** sum(update >= drop for drop in config.drops)


def curve(config: OptimizerConfig, update: int, updates: int) -> float:
    """Returns the learning rate before any of its drops: warm-up, then the decay."""
    if update < config.warmup:
        return config.lr * (update + 1) / config.warmup
    start = max(config.decay_start, config.warmup)
    if config.decay == "none" or update < start:
        return config.lr
    progress = min(1.0, (update - start) / max(1, updates - start))
    if config.decay == "cosine":
        return config.end_lr + (config.lr - config.end_lr) * (1 + math.cos(math.pi * progress)) / 2
    if config.decay == "linear":
        return config.lr + (config.end_lr - config.lr) * progress
    return config.lr * (config.end_lr / config.lr) ** progress


def build_optimizer(
    config: OptimizerConfig, network: nn.Module, fused: bool, multiplier: Callable[[str], float] = lambda name: 1.0
) -> torch.optim.Optimizer:
    """Returns AdamW for ``network``; without ``weight_decay`` that is Adam.

    Only the weights of linear layers and convolutions decay; biases, norms, embeddings and positions don't.

    Args:
        multiplier: of a parameter's learning rate, by its name; each group has its own as ``lr_scale``.
    """
    decayed = {
        id(module.weight)
        for module in network.modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and isinstance(module.weight, nn.Parameter)
    }
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((multiplier(name), id(parameter) in decayed), []).append(parameter)
    beta1, beta2 = config.betas
    return torch.optim.AdamW(
        [
            {"params": groups[key], "weight_decay": config.weight_decay if key[1] else 0.0, "lr_scale": key[0]}
            for key in sorted(groups, reverse=True)  # largest rate first; what decays before what doesn't
        ],
        lr=config.lr,
        betas=(beta1, beta2),
        fused=fused or None,
    )
