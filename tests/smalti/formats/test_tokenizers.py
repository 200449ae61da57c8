"""Released tokenizers, imported: tokens and pixels equal those computed from the released names alone.

Widths are small and weights random; names, ranks and proportions are those of the released files.
"""

from pathlib import Path

import pytest
import torch
from released_vqgan import (
    WIDTHS,
    State,
    adapter_shapes,
    by_distance,
    chosen,
    decoder_shapes,
    head_shapes,
    looked_up,
    random_state,
    run_decoder,
    run_head,
    run_trunk,
    trunk_shapes,
)
from torch import Tensor
from torch.nn import functional as F

from smalti import Tokenizer
from smalti.formats import import_tokenizer

K, D, SIZE = 11, 6, 32


@pytest.fixture
def images() -> Tensor:
    return torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(9)) * 2 - 1


def saved(state: State, file: Path, inside: str = "state_dict") -> Path:
    torch.save({inside: state, "epoch": 3}, file)
    return file


def check(tokenizer: Tokenizer, images: Tensor, tokens: Tensor, pixels: Tensor) -> None:
    """Compares tokens, that are of several codes, and the pixels of those tokens."""
    assert len(tokens.unique()) > 2
    assert torch.equal(tokenizer.encode(images), tokens)
    torch.testing.assert_close(tokenizer.decode(tokens), pixels.clamp(-1, 1), rtol=0, atol=1e-5)
    assert tokenizer.image_size == SIZE and tokenizer.num_codes == K


def vqgan_state(style: str, seed: int = 0) -> State:
    shapes = trunk_shapes(style) | head_shapes(D) | decoder_shapes(style, D)
    return random_state(shapes | {"quantize.embedding.weight": (K, D)}, seed)


@pytest.mark.parametrize("inside", ["", "first_stage_model."])
def test_taming_vqgan(inside: str, images: Tensor, tmp_path: Path) -> None:
    """Alone, with its losses beside it, and inside the checkpoint of its transformer."""
    state = vqgan_state("taming")
    within = {f"{inside}{name}": value for name, value in state.items()}
    file = saved(within | {f"{inside}loss.discriminator.main.0.weight": torch.ones(2)}, tmp_path / "last.ckpt")
    config = {"model": {"params": {"ddconfig": {"resolution": SIZE}}}}
    tokenizer = import_tokenizer(file, "taming-vqgan", config=config)
    rows = state["quantize.embedding.weight"]
    tokens = chosen(run_head(state, run_trunk(state, "taming", images)), rows, by_distance)
    check(tokenizer, images, tokens, run_decoder(state, "taming", looked_up(rows, tokens)))
    shape = tokenizer.saved.autoencoder
    assert (shape.widths, shape.attention_levels) == (WIDTHS, (1,))
    assert tokenizer.saved.origin.imported == "taming-vqgan last.ckpt"


def test_llamagen_vq(images: Tensor, tmp_path: Path) -> None:
    state = vqgan_state("llamagen") | {"quantize.codebook_used": torch.zeros(5)}
    tokenizer = import_tokenizer(saved(state, tmp_path / "vq.pt", "model"), "llamagen-vq", {"image_size": SIZE})
    rows = F.normalize(state["quantize.embedding.weight"], dim=1)
    latents = F.normalize(run_head(state, run_trunk(state, "llamagen", images)), dim=1)
    tokens = chosen(latents, rows, by_distance)
    check(tokenizer, images, tokens, run_decoder(state, "llamagen", looked_up(rows, tokens)))


@pytest.mark.parametrize("projector", ["linear", "mlp", "none"])
def test_vqgan_lc(projector: str, images: Tensor, tmp_path: Path) -> None:
    state = random_state(trunk_shapes("taming") | head_shapes(D) | decoder_shapes("taming", D))
    width = D if projector == "none" else 9
    state |= random_state({"tok_embeddings.weight": (K, width)}, 1)
    rows = state["tok_embeddings.weight"]
    if projector == "linear":
        state |= random_state({"codebook_projection.weight": (D, width), "codebook_projection.bias": (D,)}, 2)
        rows = rows @ state["codebook_projection.weight"].T + state["codebook_projection.bias"]
    if projector == "mlp":
        shapes = {"0.weight": (7, width), "0.bias": (7,), "2.weight": (D, 7), "2.bias": (D,)}
        layers = random_state(shapes, 2)
        state |= {f"codebook_projection.{name}": value for name, value in layers.items()}
        rows = (rows @ layers["0.weight"].T + layers["0.bias"]).relu() @ layers["2.weight"].T + layers["2.bias"]
    unused = {"discriminator.main.0.weight": torch.ones(1), "perceptual_loss.lin0.model.1.weight": torch.ones(1)}
    tokenizer = import_tokenizer(saved(state | unused, tmp_path / "lc.pth", "model"), "vqgan-lc", {"image_size": SIZE})
    tokens = chosen(run_head(state, run_trunk(state, "taming", images)), rows, by_distance)
    check(tokenizer, images, tokens, run_decoder(state, "taming", looked_up(rows, tokens)))


def run_adapter(state: State, prefix: str, x: Tensor) -> Tensor:
    """By torch's own multi-head attention of 8 heads."""

    def layer_norm(name: str, rows: Tensor) -> Tensor:
        return F.layer_norm(rows, rows.shape[-1:], state[f"{prefix}.{name}.weight"], state[f"{prefix}.{name}.bias"])

    def linear(name: str, rows: Tensor) -> Tensor:
        return F.linear(
            rows, state[f"{prefix}.transformer.0.{name}.weight"], state[f"{prefix}.transformer.0.{name}.bias"]
        )

    attention = torch.nn.MultiheadAttention(x.shape[1], 8, batch_first=True)
    attention.load_state_dict({name: state[f"{prefix}.transformer.0.attn.{name}"] for name in attention.state_dict()})
    rows = layer_norm("ln_pre", x.flatten(2).mT + state[f"{prefix}.positional_embedding"])
    normed = layer_norm("transformer.0.ln_1", rows)
    rows = rows + attention(normed, normed, normed, need_weights=False)[0].detach()
    rows = rows + linear("mlp.c_proj", F.gelu(linear("mlp.c_fc", layer_norm("transformer.0.ln_2", rows))))
    return layer_norm("ln_post", rows).mT.unflatten(2, x.shape[2:])


@pytest.mark.parametrize(
    "books",
    [
        {"vis": "visual_head", "sem": "semantic_head"},
        {"vis": "visual_head", "sem_mid": "semantic_head_mid", "sem_high": "semantic_head_high"},
    ],
    ids=["dual", "triple"],
)
def test_fqgan(books: dict[str, str], images: Tensor, tmp_path: Path) -> None:
    """Books in the order of the decoder's channels: visual, then semantic."""
    shapes = trunk_shapes("llamagen") | decoder_shapes("llamagen", D * len(books))
    for suffix, name in books.items():
        shapes |= head_shapes(D, f"_{suffix}") | adapter_shapes(f"encoder.{name}.0", SIZE // 2)
        shapes |= {f"quantize_{suffix}.embedding.weight": (K, D)}
    state = random_state(shapes)
    unused = {"feat_pred_head.ln_pre.weight": torch.ones(1), "quantize_vis.codebook_used": torch.ones(1)}
    tokenizer = import_tokenizer(saved(state | unused, tmp_path / "fqgan.pt", "model"), "fqgan")
    trunk, tokens, codes = run_trunk(state, "llamagen", images), [], []
    for suffix, name in books.items():
        branch = run_head(state, run_adapter(state, f"encoder.{name}.0", trunk), f"_{suffix}")
        rows = F.normalize(state[f"quantize_{suffix}.embedding.weight"], dim=1)
        tokens.append(chosen(F.normalize(branch, dim=1), rows, by_distance))
        codes.append(looked_up(rows, tokens[-1]))
    pixels = run_decoder(state, "llamagen", torch.cat(codes, dim=1))
    check(tokenizer, images, torch.stack(tokens, dim=1), pixels)
    assert tokenizer.saved.quantizer.names[0] == "visual" and tokenizer.num_books == len(books)


@pytest.mark.parametrize("normalised", [False, True])
def test_ibq(normalised: bool, images: Tensor, tmp_path: Path) -> None:
    """The largest dot product is chosen, not the nearest row; averaged weights stand for the last ones."""
    state, last = vqgan_state("taming"), vqgan_state("taming", 1)
    averages = {f"model_ema.{name.replace('.', '')}": value for name, value in state.items()}
    file = saved(
        last | averages | {"model_ema.decay": torch.ones(()), "loss.logvar": torch.ones(())}, tmp_path / "i.ckpt"
    )
    tokenizer = import_tokenizer(file, "ibq", {"image_size": SIZE, "l2_normalize": int(normalised)})
    rows = state["quantize.embedding.weight"]
    rows = F.normalize(rows, dim=1) if normalised else rows
    latents = run_head(state, run_trunk(state, "taming", images))
    tokens = chosen(latents, rows, lambda points, table: points @ table.T)
    check(tokenizer, images, tokens, run_decoder(state, "taming", looked_up(rows, tokens)))
    if not normalised:
        assert not torch.equal(tokens, chosen(latents, rows, by_distance))
