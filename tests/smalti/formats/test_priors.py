"""Released priors, imported: logits equal those computed from the released names alone."""

import dataclasses
from pathlib import Path

import pytest
import torch
from released_vqgan import Shapes, State, random_state
from torch import Tensor
from torch.nn import functional as F

from smalti import Tokenizer
from smalti.config.autoencoders import VqganConfig
from smalti.config.codebooks import FactorisedConfig, LearnedCodebookConfig, LearnedCosineConfig, QuantizerConfig
from smalti.config.saved import Origin, SavedTokenizer
from smalti.formats import import_prior
from smalti.tokenizer import build_tokenizer

WIDTH, HEADS, LAYERS, K, N, CLASSES = 32, 4, 2, 7, 16, 3


def tokenizer_of(books: int = 1) -> Tokenizer:
    """A tokenizer of 4 x 4 tokens; no weight of it matters."""
    quantizer: QuantizerConfig = LearnedCodebookConfig(num_codes=K)
    if books > 1:
        names = tuple(str(book) for book in range(books))
        quantizer = FactorisedConfig(names=names, book=LearnedCosineConfig(num_codes=K))
    saved = SavedTokenizer(
        autoencoder=VqganConfig(widths=(8, 8), num_blocks=1, attention_levels=(), latent_dim=books, norm_groups=4),
        quantizer=quantizer, image_size=8, num_codes=K, tokens="tokens of its own",
        origin=Origin(stage="import", key="k", digest="d"),
    )  # fmt: skip
    return Tokenizer(build_tokenizer(saved), saved)


def tokens(books: int = 1) -> Tensor:
    return torch.randint(K, (2, books, N), generator=torch.Generator().manual_seed(1))


def linear(state: State, name: str, x: Tensor) -> Tensor:
    return F.linear(x, state[f"{name}.weight"], state.get(f"{name}.bias"))


def scores(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention of (B, N, C) by masked scores, head by head."""
    found = []
    for one, other, values in zip(q.chunk(HEADS, 2), k.chunk(HEADS, 2), v.chunk(HEADS, 2), strict=True):
        raw = torch.einsum("bic,bjc->bij", one, other) * one.shape[2] ** -0.5
        later = torch.ones(raw.shape[1:], dtype=torch.bool).triu(1)
        found.append(raw.masked_fill(later, -torch.inf).softmax(2) @ values)
    return torch.cat(found, dim=2)


def gpt_shapes(rows: int, positions: int) -> Shapes:
    shapes: Shapes = {"transformer.tok_emb.weight": (rows, WIDTH), "transformer.pos_emb": (1, positions, WIDTH)}
    shapes |= {"transformer.head.weight": (rows, WIDTH)}
    names = [f"transformer.blocks.{number}.{norm}" for number in range(LAYERS) for norm in ("ln1", "ln2")]
    for name in (*names, "transformer.ln_f"):
        shapes |= {f"{name}.weight": (WIDTH,), f"{name}.bias": (WIDTH,)}
    for number in range(LAYERS):
        block = f"transformer.blocks.{number}"
        for name in ("key", "query", "value", "proj"):
            shapes |= {f"{block}.attn.{name}.weight": (WIDTH, WIDTH), f"{block}.attn.{name}.bias": (WIDTH,)}
        for name, shape in (("0", (4 * WIDTH, WIDTH)), ("2", (WIDTH, 4 * WIDTH))):
            shapes |= {f"{block}.mlp.{name}.weight": shape, f"{block}.mlp.{name}.bias": shape[:1]}
    return shapes


def run_gpt(state: State, indices: Tensor) -> Tensor:
    """Returns logits of all rows, for a row of indices: the condition, then tokens."""

    def normed(name: str, x: Tensor) -> Tensor:
        return F.layer_norm(x, (WIDTH,), state[f"{name}.weight"], state[f"{name}.bias"])

    x = state["transformer.tok_emb.weight"][indices] + state["transformer.pos_emb"][0, : indices.shape[1]]
    for number in range(LAYERS):
        block = f"transformer.blocks.{number}"
        rows = normed(f"{block}.ln1", x)
        q, k, v = (linear(state, f"{block}.attn.{name}", rows) for name in ("query", "key", "value"))
        x = x + linear(state, f"{block}.attn.proj", scores(q, k, v))
        x = x + linear(state, f"{block}.mlp.2", F.gelu(linear(state, f"{block}.mlp.0", normed(f"{block}.ln2", x))))
    return linear(state, "transformer.head", normed("transformer.ln_f", x))


def logits(prior: object, given: Tensor, labels: Tensor) -> Tensor:
    """Returns (B, k, N, K): what the imported network says of tokens, each from all before it."""
    network = prior.network  # type: ignore[attr-defined]
    features = network.features(given, labels)
    return torch.stack([network.outputs.book(book, features[:, book]) for book in range(given.shape[1])], dim=1)


@pytest.mark.parametrize("classes", [CLASSES, 0])
def test_taming_gpt(classes: int, tmp_path: Path) -> None:
    """Class c reads the row of code c; without classes the start is code 0."""
    state = random_state(gpt_shapes(K, N))
    others = {"first_stage_model.quant_conv.weight": torch.ones(1), "transformer.blocks.0.attn.mask": torch.ones(1)}
    torch.save({"state_dict": state | others}, tmp_path / "net.ckpt")
    config = {"model": {"params": {"transformer_config": {"params": {"n_head": HEADS}}}}}
    prior = import_prior(tmp_path / "net.ckpt", "taming-gpt", tokenizer_of(), {"num_classes": classes}, config)
    labels = torch.tensor([2, 1]) if classes else torch.tensor([0, 0])
    expected = run_gpt(state, torch.cat([labels[:, None], tokens()[:, 0, :-1]], dim=1))
    torch.testing.assert_close(logits(prior, tokens(), labels)[:, 0], expected, rtol=0, atol=1e-5)
    assert len(prior.class_names) == classes and prior.saved.label_dropout == 0
    if classes:
        with pytest.raises(ValueError, match="never trained without labels"):
            prior.generate(classes=[1], guidance=2.0)


def test_vqgan_lc_gpt(tmp_path: Path) -> None:
    """Class c reads row K + c; outputs of classes and positions beyond the image are cut off."""
    state = random_state(gpt_shapes(K + CLASSES, N + 1))
    torch.save({"model": state | {"vqgan.quant_conv.weight": torch.ones(1)}}, tmp_path / "gpt.pth")
    prior = import_prior(tmp_path / "gpt.pth", "vqgan-lc-gpt", tokenizer_of(), {"num_heads": HEADS})
    labels = torch.tensor([2, 1])
    expected = run_gpt(state, torch.cat([K + labels[:, None], tokens()[:, 0, :-1]], dim=1))[..., :K]
    torch.testing.assert_close(logits(prior, tokens(), labels)[:, 0], expected, rtol=0, atol=1e-5)
    assert len(prior.class_names) == CLASSES


def block_shapes(prefix: str) -> Shapes:
    inner = 20
    shapes: Shapes = {
        f"{prefix}.attention.wqkv.weight": (3 * WIDTH, WIDTH),
        f"{prefix}.attention.wo.weight": (WIDTH, WIDTH),
    }
    shapes |= {f"{prefix}.feed_forward.{name}.weight": (inner, WIDTH) for name in ("w1", "w3")}
    shapes |= {f"{prefix}.feed_forward.w2.weight": (WIDTH, inner)}
    return shapes | {f"{prefix}.{name}.weight": (WIDTH,) for name in ("attention_norm", "ffn_norm")}


def root_mean_square(state: State, name: str, x: Tensor) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * state[f"{name}.weight"]


def turned(x: Tensor) -> Tensor:
    """Returns queries or keys turned by their place on the grid, pair by pair; the condition's vanish."""
    side, size = int(N**0.5), WIDTH // HEADS
    found = torch.zeros_like(x)
    for place in range(1, x.shape[1]):
        row, column = divmod(place - 1, side)
        for head in range(HEADS):
            for number in range(size // 2):
                quarter = number % (size // 4)
                angle = torch.tensor((row if number < size // 4 else column) * 10_000 ** (-2 * quarter / (size // 2)))
                at = head * size + 2 * number
                a, b = x[:, place, at], x[:, place, at + 1]
                found[:, place, at] = a * angle.cos() - b * angle.sin()
                found[:, place, at + 1] = b * angle.cos() + a * angle.sin()
    return found


def run_blocks(state: State, prefix: str, x: Tensor) -> Tensor:
    for number in range(LAYERS):
        block = f"{prefix}.{number}"
        q, k, v = linear(state, f"{block}.attention.wqkv", root_mean_square(state, f"{block}.attention_norm", x)).chunk(
            3, 2
        )
        x = x + linear(state, f"{block}.attention.wo", scores(turned(q), turned(k), v))
        rows = root_mean_square(state, f"{block}.ffn_norm", x)
        gated = F.silu(linear(state, f"{block}.feed_forward.w1", rows)) * linear(
            state, f"{block}.feed_forward.w3", rows
        )
        x = x + linear(state, f"{block}.feed_forward.w2", gated)
    return x


def test_llamagen_gpt(tmp_path: Path) -> None:
    shapes: Shapes = {"cls_embedding.embedding_table.weight": (CLASSES + 1, WIDTH), "norm.weight": (WIDTH,)}
    shapes |= {"tok_embeddings.weight": (K, WIDTH), "output.weight": (K, WIDTH)}
    for number in range(LAYERS):
        shapes |= block_shapes(f"layers.{number}")
    state = random_state(shapes)
    torch.save({"model": state | {"freqs_cis": torch.ones(1)}}, tmp_path / "c2i.pt")
    prior = import_prior(tmp_path / "c2i.pt", "llamagen-gpt", tokenizer_of(), {"num_heads": HEADS})
    for labels in (torch.tensor([2, 1]), torch.tensor([CLASSES, CLASSES])):  # the last row means "no class"
        condition = state["cls_embedding.embedding_table.weight"][labels][:, None]
        x = torch.cat([condition, state["tok_embeddings.weight"][tokens()[:, 0, :-1]]], dim=1)
        expected = linear(state, "output", root_mean_square(state, "norm", run_blocks(state, "layers", x)))
        torch.testing.assert_close(logits(prior, tokens(), labels)[:, 0], expected, rtol=0, atol=1e-5)
    assert len(prior.class_names) == CLASSES and prior.settings.guidance.scale == (2.0,)


@pytest.mark.parametrize("books", [2, 3])
def test_far(books: int, tmp_path: Path) -> None:
    """The head reads the backbone's output, then the sub-tokens before; slot 0 of its rotations is the condition's."""
    shapes: Shapes = {"cls_embedding.embedding_table.weight": (CLASSES + 1, WIDTH), "norm.weight": (WIDTH,)}
    shapes |= {"aggregation_layer.weight": (WIDTH, books * WIDTH), "aggregation_layer.bias": (WIDTH,)}
    for book in range(1, books + 1):
        shapes |= {f"tok_embeddings_{book}.weight": (K, WIDTH), f"output_{book}.weight": (K, WIDTH)}
    for number in range(LAYERS):
        shapes |= block_shapes(f"layers.{number}") | block_shapes(f"ar_head.{number}")
    state = random_state(shapes)
    torch.save({"module": state}, tmp_path / "far.pt")
    prior = import_prior(tmp_path / "far.pt", "far", tokenizer_of(books), {"num_heads": HEADS})
    given, labels = tokens(books), torch.tensor([2, 1])
    rows = [state[f"tok_embeddings_{book + 1}.weight"][given[:, book]] for book in range(books)]
    joined = linear(state, "aggregation_layer", torch.cat(rows, dim=2))[:, :-1]
    condition = state["cls_embedding.embedding_table.weight"][labels][:, None]
    context = run_blocks(state, "layers", torch.cat([condition, joined], dim=1))
    slots = torch.stack([context, *rows[:-1]], dim=2).flatten(0, 1)
    found = root_mean_square(state, "norm", run_blocks(state, "ar_head", slots)).unflatten(0, (2, N))
    expected = torch.stack([linear(state, f"output_{book + 1}", found[:, :, book]) for book in range(books)], dim=1)
    torch.testing.assert_close(logits(prior, given, labels), expected, rtol=0, atol=1e-5)


def test_a_prior_goes_with_its_tokenizer(tmp_path: Path) -> None:
    """What an imported prior's tokens mean is the tokenizer it was imported with."""
    torch.save(random_state(gpt_shapes(K + CLASSES, N + 1)), tmp_path / "gpt.pth")
    prior = import_prior(tmp_path / "gpt.pth", "vqgan-lc-gpt", tokenizer_of(), {"num_heads": HEADS})
    assert prior.saved.tokens == "tokens of its own" and prior.saved.origin.imported == "vqgan-lc-gpt gpt.pth"
    images = prior.generate(classes=[0, 2], seed=3, top_k_share=None)
    assert images.shape == (2, 3, 8, 8)
    larger = dataclasses.replace(tokenizer_of().saved, image_size=16)
    with pytest.raises(ValueError, match="17 positions, the tokenizer's images have 64 tokens"):
        import_prior(tmp_path / "gpt.pth", "vqgan-lc-gpt", Tokenizer(build_tokenizer(larger), larger), {"num_heads": 4})
