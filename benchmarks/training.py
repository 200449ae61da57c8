"""One update of a prior and of a tokenizer, beside the usual loops.

    python -m benchmarks.training [--updates 4]

The prior: 6 x 8 x 512, 256 tokens of 1,024 codes, batches of 8, beside transformers' GPT2LMHeadModel of this shape
under AdamW. The tokenizer: a VQGAN of 32, 64 and 128 channels at 64 px, batches of 8, with LPIPS (of random weights), a
PatchGAN and the adaptive weight, beside the same networks under taming-transformers' training: for each of its two
optimisers the whole network runs again, and the generator's backward pass reaches the discriminator's weights.
smalti's side is what a stage runs, by Lightning's trainer: gradients clipped and looked through, weights averaged,
losses reported. The tokenizer's losses at the first update are compared with the loop's; then each contender has a
process of its own. In bfloat16 both sides run what autocast lets, but for smalti's perceptual loss, which stays
float32.
"""

import argparse
import copy
import itertools
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision.models import vgg16
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks.cost import Cost, measure, peak_of, table
from configs.schema.ar_prior import ArPriorConfig
from configs.schema.runtime import RuntimeConfig
from configs.schema.tokenizer import TokenizerConfig
from configs.schema.training import GanConfig, OptimizerConfig, TrainingConfig
from lit_modules.ar_prior import LitArPrior
from lit_modules.tokenizer import LitTokenizer
from lit_modules.training import LitTraining
from smalti.codebooks import build_quantizer
from smalti.config.autoencoders import VqganConfig
from smalti.config.codebooks import LearnedCodebookConfig
from smalti.config.discriminators import PatchDiscriminatorConfig
from smalti.config.losses import LpipsLossConfig
from smalti.config.priors import ArPriorNetworkConfig, TransformerConfig
from smalti.discriminators import build_discriminator
from smalti.layers.frozen import Frozen
from smalti.losses.perceptual import build_perceptual
from smalti.priors import CausalPrior
from smalti.tokenizers.autoencoders import build_decoder, build_encoder
from smalti.tokenizers.vq_tokenizer import VQTokenizer
from stages.training.trainer import lay_out, quieten

BATCH, CODES, TOKENS, CLASSES, SIZE = 8, 1024, 256, 10, 64
PRECISIONS = ["32-true", "bf16-mixed"]
RUNTIME = RuntimeConfig(channels_last=True, fused_optimizer=True)
PLAIN = OptimizerConfig(lr=1e-4)

Batch = dict[str, Tensor]
Step = Callable[[Batch], Sequence[Tensor]]


def fitted(module: LitTraining, batches: list[Batch], precision: Any, folder: Path) -> Callable[[], None]:
    """Returns a call that trains ``module`` for one update a batch."""

    def fit() -> None:
        Trainer(
            max_epochs=1,
            accelerator="cpu",
            precision=precision,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=folder,
        ).fit(module, DataLoader(batches, batch_size=None))  # type: ignore[arg-type]

    return fit


def looped(step: Step, batches: list[Batch]) -> Callable[[], None]:
    """Returns a call that runs ``step`` for each batch."""

    def loop() -> None:
        for batch in batches:
            step(batch)

    return loop


@dataclass(frozen=True)
class Pair:
    """A training here and the usual step of the same work on the same batches; ``terms`` are the losses of the module
    that the step returns."""

    module: LitTraining
    step: Step
    batches: list[Batch]
    terms: Sequence[str] = ()


def gpt2s_step(network: GPT2LMHeadModel, precision: str) -> Step:
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)

    def step(batch: Batch) -> Sequence[Tensor]:
        tokens = torch.cat([batch["labels"][:, None] + CODES, batch["tokens"][:, 0]], 1)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision != "32-true"):
            logits = network(tokens[:, :-1]).logits
            loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return ()

    return step


def prior(precision: Any, updates: int, folder: Path) -> Pair:
    config = ArPriorConfig(
        network=ArPriorNetworkConfig(
            transformer=TransformerConfig(num_layers=6, num_heads=8, width=512, mlp_width=2048, dropout=0)
        ),
        training=TrainingConfig(updates=10**6, batch_size=BATCH, precision=precision), optimizer=PLAIN, runtime=RUNTIME,
    )  # fmt: skip
    network = CausalPrior(config.network, 1, CODES, TOKENS, CLASSES)
    module = LitArPrior(network, config, CLASSES, Frozen(nn.Identity()), (16, 16))  # type: ignore[arg-type]
    batches = [
        {
            "tokens": torch.randint(CODES, (BATCH, 1, TOKENS)), "labels": torch.randint(CLASSES, (BATCH,)),
            "noise": torch.rand(BATCH, 2), "token_noise": torch.zeros(BATCH, 2, 1, TOKENS),
        }
        for _ in range(updates)
    ]  # fmt: skip
    shape = GPT2Config(
        vocab_size=CODES + CLASSES, n_positions=TOKENS, n_layer=6, n_head=8, n_embd=512,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )  # fmt: skip
    peer = GPT2LMHeadModel(shape).train()
    return Pair(module, gpt2s_step(peer, precision), batches)


def tamings_step(module: LitTokenizer, precision: str) -> Step:
    """Returns taming/models/vqgan.py's two training steps over copies of the networks of ``module``."""
    network, discriminator = copy.deepcopy(module.network), copy.deepcopy(module.adversary.discriminator)
    lpips = copy.deepcopy(module.perceptual.network.network)
    for part in (network, discriminator, lpips):
        part.to(memory_format=torch.contiguous_format)
    generators = torch.optim.Adam(network.parameters(), lr=1e-4, betas=(0.5, 0.9))
    discriminators = torch.optim.Adam(discriminator.parameters(), lr=1e-4, betas=(0.5, 0.9))

    def step(batch: Batch) -> Sequence[Tensor]:
        images = batch["images"]
        with torch.autocast("cpu", torch.bfloat16, enabled=precision != "32-true"):
            output = network(images)
            pixel = (output.images - images).abs().mean()
            perceptual = lpips(output.images, images).mean()
            reconstruction = pixel + perceptual
            generator = -discriminator(output.images).mean()
        last = network.decoder.last_layer
        norms = [torch.autograd.grad(loss, last, retain_graph=True)[0].norm() for loss in (reconstruction, generator)]
        weight = (norms[0] / (norms[1] + 1e-4)).clamp(0, 1e4).detach()
        (reconstruction + output.quantized.loss + 0.8 * weight * generator).backward()
        generators.step()
        generators.zero_grad()
        discriminators.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision != "32-true"):
            fake = network(images).images.detach()
            loss = 0.5 * (F.relu(1 - discriminator(images)).mean() + F.relu(1 + discriminator(fake)).mean())
        loss.backward()
        discriminators.step()
        discriminators.zero_grad()
        generators.zero_grad()
        return pixel.detach(), perceptual.detach(), generator.detach()

    return step


def tokenizer(precision: Any, updates: int, folder: Path) -> Pair:
    weights = folder / "vgg16.safetensors"
    save_file(dict(vgg16(weights=None).state_dict()), weights)
    config = TokenizerConfig(
        autoencoder=VqganConfig(
            widths=(32, 64, 128), attention_levels=(2,), bottleneck=64, latent_dim=64
        ),
        quantizer=LearnedCodebookConfig(num_codes=CODES, entropy_weight=0.0),
        discriminator=PatchDiscriminatorConfig(width=64, num_layers=3),
        perceptual=LpipsLossConfig(weights=str(weights)),
        gan=GanConfig(loss="hinge", weight=0.8, adaptive=True, adaptive_ceiling=1e4),
        training=TrainingConfig(updates=10**6, batch_size=BATCH, precision=precision),
        optimizer=PLAIN, discriminator_optimizer=PLAIN, runtime=RUNTIME,
    )  # fmt: skip
    quantizer = build_quantizer(config.quantizer, config.autoencoder.latent_dim, None)
    network = VQTokenizer(build_encoder(config.autoencoder, SIZE), quantizer, build_decoder(config.autoencoder))
    discriminator = build_discriminator(config.discriminator)
    module = LitTokenizer(network, discriminator, build_perceptual(config.perceptual), config)
    step = tamings_step(module, precision)
    lay_out(RUNTIME, module, *module.frozen.values())
    batches = [{"images": torch.rand(BATCH, 3, SIZE, SIZE) * 2 - 1} for _ in range(updates)]
    terms = ("train/l1", f"train/perceptual/{module.perceptual.name}/vgg", "train/gan/generator")
    return Pair(module, step, batches, terms)


WORK = {"A prior's update": prior, "A tokenizer's update": tokenizer}
SIDES = ["smalti", "the usual loop"]


def check(work: str) -> None:
    """Asserts that both sides have the same losses, those that the pair names, at their first update."""
    quieten()
    with tempfile.TemporaryDirectory() as folder:
        pair = WORK[work]("32-true", 1, Path(folder))
        expected = pair.step(pair.batches[0])
        fitted(pair.module, pair.batches, "32-true", Path(folder))()
    for name, value in zip(pair.terms, expected, strict=True):
        torch.testing.assert_close(pair.module.terms[name], value, rtol=1e-4, atol=1e-6)


def measured(work: str, side: str, precision: str, updates: int) -> Cost:
    """Returns the cost of one update, in this process, which has trained nothing before."""
    quieten()
    with tempfile.TemporaryDirectory() as folder:
        pair = WORK[work](precision, updates, Path(folder))
        call = looped(pair.step, pair.batches)
        if side == "smalti":
            call = fitted(pair.module, pair.batches, precision, Path(folder))
        peak = peak_of(call)
        cost = measure(call, 2)
    return Cost(cost.seconds / updates, peak)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--updates", type=int, default=4)
    updates = parser.parse_args().updates
    for work in WORK:
        check(work)
        costs = {}
        for side, precision in itertools.product(SIDES, PRECISIONS):
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                costs[f"{side}, {precision}"] = pool.submit(measured, work, side, precision, updates).result()
        table(work, costs, "the usual loop, 32-true")
