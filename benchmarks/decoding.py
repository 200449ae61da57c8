"""Tokens a second of sampling, beside transformers' GPT-2 of the same size: 24 x 16 x 768, 256 tokens, float32.

    python -m benchmarks.decoding [--tokens 256]

"smalti" decodes as stage samples does on a CPU; "plain linears" without SmallBatchLinear. NAR is MaskGIT's decoder in
12 steps. Logits of the cached decoding are compared with those of one uncached forward.
"""

import argparse
import copy
import time
from collections.abc import Callable

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from smalti.config.priors import ArPriorNetworkConfig, NarPriorNetworkConfig, TransformerConfig
from smalti.layers.small_batch_linear import for_small_batches
from smalti.priors import CausalPrior, MaskedPrior
from smalti.samplers.causal import sample_causal
from smalti.samplers.masked import MASKGIT, sample_masked
from smalti.samplers.noise import uniform

CODES, SHAPE = 1024, TransformerConfig(dropout=0.0)


def seconds(call: Callable[[], object]) -> float:
    """Time of the faster of two calls."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def cached_error(prior: CausalPrior, length: int) -> float:
    """Largest difference between cached and uncached logits over the first ``length`` positions."""
    tokens, labels = torch.randint(CODES, (2, 1, prior.num_tokens)), torch.tensor([0, 1])
    caches, heads = prior.transformer.new_caches(2), prior.heads.new_caches(2)
    feature, worst = prior.start(labels, caches), 0.0
    full = prior(tokens, labels)
    for position in range(length):
        logits = prior.sub_logits(0, feature, None, heads)
        worst = max(worst, float((logits - full[:, 0, position]).abs().max()))
        feature = prior.advance(tokens[:, :, position], caches)
    return worst


def compare(
    batch: int, length: int, plain: CausalPrior, fast: CausalPrior, brief: CausalPrior, masked: MaskedPrior,
    peer: GPT2LMHeadModel,
) -> None:  # fmt: skip
    """Prints tokens a second of each contender."""
    labels = torch.arange(batch)
    noise = uniform(0, range(batch), (1, length), "ar")
    both = uniform(0, range(batch), (2, MASKGIT.steps, 1, length), "nar")
    start = torch.zeros(batch, 1, dtype=torch.long)
    times = {
        "GPT2LMHeadModel.generate": seconds(
            lambda: peer.generate(start, max_new_tokens=length, min_new_tokens=length, do_sample=True, pad_token_id=0)
        ),
        "smalti, plain linears": seconds(lambda: sample_causal(plain, labels, noise)),
        "smalti": seconds(lambda: sample_causal(fast, labels, noise)),
        "smalti, bfloat16 weights": seconds(lambda: sample_causal(brief, labels, noise)),
        "smalti, NAR in 12 steps": seconds(lambda: sample_masked(masked, labels, both, MASKGIT)),
    }
    base = times["GPT2LMHeadModel.generate"]
    print(f"batch {batch}, {length} tokens")
    for name, value in times.items():
        print(f"  {name:28}{batch * length / value:9.1f} tokens/s   x{base / value:5.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=256)
    length = parser.parse_args().tokens
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    plain = CausalPrior(ArPriorNetworkConfig(transformer=SHAPE), 1, CODES, length, 1000).eval()
    torch.nn.init.normal_(plain.outputs.weights()[0], std=0.02)
    fast = copy.deepcopy(plain)
    for_small_batches(fast)
    brief = copy.deepcopy(fast).bfloat16()
    masked = MaskedPrior(NarPriorNetworkConfig(transformer=SHAPE), 1, CODES, length, 1000).eval()
    peer = GPT2LMHeadModel(
        GPT2Config(vocab_size=CODES, n_positions=length + 1, n_layer=24, n_head=16, n_embd=768)
    ).eval()
    weights = [layer.weight for layer in plain.transformer.modules() if isinstance(layer, torch.nn.Linear)]
    once = seconds(lambda: [weight.sum() for weight in weights])
    size = sum(weight.nbytes for weight in weights) / 1e9
    print(f"reading {size:.2f} GB of linear layers: {once * 1e3:.0f} ms, so at batch 1 {1 / once:.1f} tokens/s at most")
    print(f"cached against uncached logits: {cached_error(fast, 32):.1e} at most")
    for batch in (1, 8):
        compare(batch, length, plain, fast, brief, masked, peer)
