"""LlamaGen's GPT, FQGAN's FAR and Open-MAGVIT2's Llama against their released networks, written out anew from their
weights."""

import math

import pytest
import torch
from torch import Tensor

from smalti.config.priors import ArPriorNetworkConfig, LlamaConfig, SubTokenHeadConfig
from smalti.priors.causal import CausalPrior

WIDTH, MLP, HEADS, LAYERS, HEAD_LAYERS = 32, 48, 2, 3, 2  # heads of 16 channels: 4 frequencies each for row and column
CODES, SIDE, CLASSES = 13, 4, 5
Weights = dict[str, Tensor]
# Codes of each sub-token. FAR's embeddings are concatenated, Open-MAGVIT2's are summed; its tokens are of 2 and 3 bits.
LLAMAGEN, FAR, FAR_TRIPLE, OPEN_MAGVIT2 = (CODES,), (CODES,) * 2, (CODES,) * 3, (4, 8)
networks = pytest.mark.parametrize(
    "sizes", [LLAMAGEN, FAR, FAR_TRIPLE, OPEN_MAGVIT2], ids=["LlamaGen", "FAR dual", "FAR triple", "Open-MAGVIT2"]
)


def random_weights(sizes: tuple[int, ...]) -> Weights:
    """Weights by what they are for; linear ones (out, in), so scaled that attention isn't uniform."""
    num_books = len(sizes)
    block = {
        "norm1": (WIDTH,), "q": (WIDTH, WIDTH), "k": (WIDTH, WIDTH), "v": (WIDTH, WIDTH), "o": (WIDTH, WIDTH),
        "norm2": (WIDTH,), "gate": (MLP, WIDTH), "up": (MLP, WIDTH), "down": (WIDTH, MLP),
    }  # fmt: skip
    shapes: dict[str, tuple[int, ...]] = {"classes": (CLASSES + 1, WIDTH), "norm": (WIDTH,)}
    shapes |= {f"codes{book}": (codes, WIDTH) for book, codes in enumerate(sizes)}
    shapes |= {f"output{book}": (codes, WIDTH) for book, codes in enumerate(sizes)}
    shapes |= {f"layer{i}.{name}": shape for i in range(LAYERS) for name, shape in block.items()}
    if sizes in (FAR, FAR_TRIPLE):
        shapes |= {"aggregate": (WIDTH, num_books * WIDTH), "aggregate_bias": (WIDTH,)}
    if num_books > 1:
        shapes |= {f"head{i}.{name}": shape for i in range(HEAD_LAYERS) for name, shape in block.items()}
    random = torch.Generator().manual_seed(num_books)
    return {
        name: torch.randn(shape, generator=random) * (1.5 / math.sqrt(shape[-1]) if len(shape) == 2 else 1)
        for name, shape in shapes.items()
    }


def rms(x: Tensor, weight: Tensor) -> Tensor:
    return x / (x * x).mean(-1, keepdim=True).add(1e-5).sqrt() * weight


def cosines_and_sines() -> tuple[Tensor, Tensor]:
    """(1 + SIDE^2, channels / 2) each: both 0 for the condition; then by row for the first half, by column for the
    second."""
    half = WIDTH // HEADS // 2
    cosines, sines = [[0.0] * half], [[0.0] * half]
    for row in range(SIDE):
        for column in range(SIDE):
            angles = [place / 10_000 ** (i / half) for place in (row, column) for i in range(0, half, 2)]
            cosines.append([math.cos(angle) for angle in angles])
            sines.append([math.sin(angle) for angle in angles])
    return torch.tensor(cosines), torch.tensor(sines)


def block(weights: Weights, name: str, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """One layer over x (B, N, C), each position seeing itself and those before it."""

    def split(which: str) -> Tensor:
        return (rms(x, weights[f"{name}.norm1"]) @ weights[f"{name}.{which}"].T).unflatten(-1, (HEADS, -1))

    def turned(which: str) -> Tensor:
        real, imaginary = split(which)[..., 0::2], split(which)[..., 1::2]
        c, s = cosine[:, None], sine[:, None]
        return torch.stack([real * c - imaginary * s, imaginary * c + real * s], -1).flatten(-2)

    scores = torch.einsum("bnhd,bmhd->bhnm", turned("q"), turned("k")) / math.sqrt(WIDTH // HEADS)
    scores = scores.masked_fill(torch.ones(x.shape[1], x.shape[1]).triu(1).bool(), -math.inf)
    seen = torch.einsum("bhnm,bmhd->bnhd", scores.softmax(-1), split("v")).flatten(-2)
    x = x + seen @ weights[f"{name}.o"].T
    y = rms(x, weights[f"{name}.norm2"])
    gate, up = y @ weights[f"{name}.gate"].T, y @ weights[f"{name}.up"].T
    return x + (gate * gate.sigmoid() * up) @ weights[f"{name}.down"].T


def released(weights: Weights, tokens: Tensor, labels: Tensor) -> list[Tensor]:
    """Logits (B, N, K) of each sub-token for all of them (B, s, N)."""
    num_books = tokens.shape[1]
    rows = [weights[f"codes{book}"][tokens[:, book]] for book in range(num_books)]
    joined = sum(rows, torch.zeros_like(rows[0]))
    if "aggregate" in weights:
        joined = torch.cat(rows, -1) @ weights["aggregate"].T + weights["aggregate_bias"]
    x = torch.cat([weights["classes"][labels][:, None], joined[:, :-1]], dim=1)
    cosine, sine = cosines_and_sines()
    for i in range(LAYERS):
        x = block(weights, f"layer{i}", x, cosine[: x.shape[1]], sine[: x.shape[1]])
    slots = torch.stack([x, *rows[:-1]], dim=2)  # (B, N, k, C)
    if num_books > 1:
        flat = slots.flatten(0, 1)
        for i in range(HEAD_LAYERS):
            flat = block(weights, f"head{i}", flat, cosine[:num_books], sine[:num_books])
        slots = flat.view_as(slots)
    slots = rms(slots, weights["norm"])
    return [slots[:, :, book] @ weights[f"output{book}"].T for book in range(num_books)]


def loaded(weights: Weights, sizes: tuple[int, ...]) -> CausalPrior:
    """Our prior with the same weights."""
    num_books, split = len(sizes), sizes == OPEN_MAGVIT2
    config = ArPriorNetworkConfig(
        transformer=LlamaConfig(num_layers=LAYERS, num_heads=HEADS, width=WIDTH, mlp_width=MLP),
        embedding="concat" if "aggregate" in weights else "sum",
        head=SubTokenHeadConfig(kind="ar" if num_books > 1 else "linear", num_layers=HEAD_LAYERS),
        split=(2, 3) if split else (),
    )
    books, codes = (1, 32) if split else (num_books, CODES)
    prior = CausalPrior(config, books, codes, SIDE**2, CLASSES).eval()
    state = {"classes.rows.weight": weights["classes"], "heads.norm.weight": weights["norm"]}
    for book in range(num_books):
        state[f"codes.tables.{book}.weight"] = weights[f"codes{book}"]
        state[f"outputs.layers.{book}.weight"] = weights[f"output{book}"]
    if "aggregate" in weights:
        state |= {"codes.aggregate.weight": weights["aggregate"], "codes.aggregate.bias": weights["aggregate_bias"]}
    names = {f"layer{i}": f"transformer.blocks.{i}" for i in range(LAYERS)}
    names |= {f"head{i}": f"heads.blocks.{i}" for i in range(HEAD_LAYERS) if num_books > 1}
    for name, ours in names.items():
        part = {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}
        state |= {
            f"{ours}.norm1.weight": part["norm1"], f"{ours}.norm2.weight": part["norm2"],
            f"{ours}.query_key_value.weight": torch.cat([part["q"], part["k"], part["v"]]),
            f"{ours}.out.weight": part["o"], f"{ours}.gate_up.weight": torch.cat([part["gate"], part["up"]]),
            f"{ours}.down.weight": part["down"],
        }  # fmt: skip
    prior.load_state_dict(state)
    return prior


def sub_tokens(sizes: tuple[int, ...], batch: int) -> Tensor:
    """Random ones (B, s, N)."""
    random = torch.Generator().manual_seed(7)
    return torch.stack([torch.randint(codes, (batch, SIDE**2), generator=random) for codes in sizes], dim=1)


@networks
def test_logits_are_those_of_the_released_network(sizes: tuple[int, ...]) -> None:
    """With zeros for the condition and for the head's first slot, and a single norm."""
    weights, tokens = random_weights(sizes), sub_tokens(sizes, 3)
    labels = torch.tensor([0, CLASSES - 1, CLASSES])  # the last one is "no class"
    expected = released(weights, tokens, labels)
    prior = loaded(weights, sizes)
    whole = 8 * tokens[:, :1] + tokens[:, 1:] if sizes == OPEN_MAGVIT2 else tokens
    with torch.no_grad():
        found = prior(whole, labels)
    for book, (codes, wanted) in enumerate(zip(sizes, expected, strict=True)):
        close = 1e-5 * wanted.abs().max().item()
        torch.testing.assert_close(found[:, book, :, :codes], wanted, rtol=0, atol=close)
        assert (found[:, book, :, codes:] == -math.inf).all(), "codes that it doesn't have"


@networks
def test_decoding_with_caches_gives_them_too(sizes: tuple[int, ...]) -> None:
    weights, tokens, labels = random_weights(sizes), sub_tokens(sizes, 2), torch.tensor([1, CLASSES])
    prior, expected = loaded(weights, sizes), released(weights, tokens, labels)
    caches, head_caches = prior.transformer.new_caches(2), prior.heads.new_caches(2)
    with torch.no_grad():
        feature = prior.start(labels, caches)
        for position in range(SIDE**2):
            for book, logits in enumerate(expected):
                previous = tokens[:, book - 1, position] if book else None
                found = prior.sub_logits(book, feature, previous, head_caches)
                close = 1e-5 * logits.abs().max().item()
                torch.testing.assert_close(found, logits[:, position], rtol=0, atol=close)
            if position + 1 < SIDE**2:
                feature = prior.advance(tokens[:, :, position], caches)
