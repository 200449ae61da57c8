"""DiT: counts, its first output, and its forward written out in numpy."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from smalti.building import build_outline
from smalti.config.latent_priors import DitNetworkConfig, LatentSpace
from smalti.priors.dit import Dit

F16 = LatentSpace(num_channels=8, grid=(16, 16), num_classes=1000)
TINY = DitNetworkConfig(num_layers=2, num_heads=2, width=16, mlp_width=64, patch_size=2)
SPACE = LatentSpace(num_channels=3, grid=(4, 6), num_classes=5)


def inputs(space: LatentSpace, batch: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    labels = torch.tensor([0, space.num_classes, 1][:batch])
    return torch.randn(batch, space.num_channels, *space.grid), torch.tensor([0.0, 999.0, 0.37][:batch]), labels


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (DitNetworkConfig(), 674_890_048),
        (DitNetworkConfig(num_layers=12, num_heads=6, width=384, mlp_width=1536), None),
    ],
)
def test_xl_has_the_released_number_of_parameters(config: DitNetworkConfig, parameters: int | None) -> None:
    """XL/2's on 8 x 16 x 16 and 1,000 classes; and by the shapes of the published code for any size."""
    network = build_outline(lambda: Dit(config, F16))
    found = sum(parameter.numel() for parameter in network.parameters())
    c, m, d = config.width, config.mlp_width, F16.num_channels
    block = c * 3 * c + 3 * c + c * c + c + c * m + m + m * c + c + c * 6 * c + 6 * c
    output = c * 2 * c + 2 * c + c * 4 * 2 * d + 4 * 2 * d
    embeddings = (4 * d * c + c) + (256 * c + c + c * c + c) + 1001 * c
    assert found == embeddings + config.num_layers * block + output
    assert parameters in (None, found)
    assert network.mean.shape == network.std.shape == (8,)
    assert set(network.state_dict()) - dict(network.named_parameters()).keys() == {"mean", "std"}


def test_the_first_output_is_zero() -> None:
    network = Dit(TINY, SPACE)
    found = network(*inputs(SPACE))
    assert found.shape == (3, 6, 4, 6) and (found == 0).all()


def test_the_start_is_the_released_one() -> None:
    torch.manual_seed(0)
    network = Dit(replace(TINY, width=128, mlp_width=512), replace(SPACE, num_classes=200))
    for weight in (network.classes.rows.weight, network.time[0].weight, network.time[2].weight):
        assert weight.std().item() == pytest.approx(0.02, rel=0.05)
    block = network.blocks[0]
    for weight in (block.query_key_value.weight, block.out.weight, block.mlp[0].weight, network.patches.weight):
        outputs, fan_in = weight.flatten(1).shape
        assert weight.abs().max().item() == pytest.approx(math.sqrt(6 / (fan_in + outputs)), rel=0.02)
    assert all(
        (p == 0).all() for name, p in network.named_parameters() if name.endswith("bias") or "modulation" in name
    )


# ---- The forward pass of the published models.py, written out.


def silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


def normed(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)


def published(state: dict[str, np.ndarray], x: np.ndarray, t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Released names: x_embedder.proj, t_embedder.mlp, y_embedder.embedding_table, blocks.i.attn.qkv, attn.proj,
    mlp.fc1, mlp.fc2, adaLN_modulation.1, final_layer.linear, final_layer.adaLN_modulation.1."""

    def linear(name: str, x: np.ndarray) -> np.ndarray:
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    b, channels, height, width = x.shape
    patches = x.reshape(b, channels, height // 2, 2, width // 2, 2)
    tokens = np.einsum("bchpwq,ocpq->bhwo", patches, state["x_embedder.proj.weight"]) + state["x_embedder.proj.bias"]
    c = tokens.shape[-1]
    omega = 1 / 10000 ** (np.arange(c // 4) / (c / 4))
    places = np.zeros(tokens.shape[1:])
    for i in range(height // 2):
        for j in range(width // 2):  # "here w goes first"
            parts = np.sin(j * omega), np.cos(j * omega), np.sin(i * omega), np.cos(i * omega)
            places[i, j] = np.concatenate(parts)
    h = (tokens + places).reshape(b, -1, c)

    angles = t[:, None] * np.exp(-math.log(10000) * np.arange(128) / 128)
    time = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    time = linear("t_embedder.mlp.2", silu(linear("t_embedder.mlp.0", time)))
    condition = silu(time + state["y_embedder.embedding_table.weight"][y])
    for i in range(2):
        chunks = np.split(linear(f"blocks.{i}.adaLN_modulation.1", condition)[:, None], 6, axis=2)
        shift_msa, scale_msa, gate_msa, shift_mlp, scale_mlp, gate_mlp = chunks
        fused = linear(f"blocks.{i}.attn.qkv", normed(h) * (1 + scale_msa) + shift_msa).reshape(b, -1, 3, 2, c // 2)
        q, k, v = fused[:, :, 0], fused[:, :, 1], fused[:, :, 2]
        scores = np.exp(np.einsum("bnhd,bmhd->bhnm", q, k) / math.sqrt(c // 2))
        mixed = np.einsum("bhnm,bmhd->bnhd", scores / scores.sum(-1, keepdims=True), v).reshape(b, -1, c)
        h = h + gate_msa * linear(f"blocks.{i}.attn.proj", mixed)
        u = linear(f"blocks.{i}.mlp.fc1", normed(h) * (1 + scale_mlp) + shift_mlp)
        u = 0.5 * u * (1 + np.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3)))
        h = h + gate_mlp * linear(f"blocks.{i}.mlp.fc2", u)
    shift, scale = np.split(linear("final_layer.adaLN_modulation.1", condition)[:, None], 2, axis=2)
    out = linear("final_layer.linear", normed(h) * (1 + scale) + shift)
    out = out.reshape(b, height // 2, width // 2, 2, 2, 2 * channels)
    return out.transpose(0, 5, 1, 3, 2, 4).reshape(b, 2 * channels, height, width)


OWN_NAMES = {
    "x_embedder.proj": "patches", "t_embedder.mlp.0": "time.0", "t_embedder.mlp.2": "time.2",
    "y_embedder.embedding_table": "classes.rows", "final_layer.linear": "output.linear",
    "final_layer.adaLN_modulation.1": "output.modulation.1",
} | {
    f"blocks.{i}.{theirs}": f"blocks.{i}.{ours}"
    for i in range(2)
    for theirs, ours in {
        "attn.qkv": "query_key_value", "attn.proj": "out", "mlp.fc1": "mlp.0", "mlp.fc2": "mlp.2",
        "adaLN_modulation.1": "modulation.1",
    }.items()
}  # fmt: skip


def test_the_forward_pass_is_the_published_one() -> None:
    network = Dit(TINY, SPACE).double()
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    own = dict(network.named_parameters())
    state = {
        f"{theirs}.{kind}": own.pop(f"{ours}.{kind}").detach().numpy()
        for theirs, ours in OWN_NAMES.items()
        for kind in ("weight", "bias")
        if f"{ours}.{kind}" in own
    }
    assert not own, "every parameter is used"
    latents, time, labels = inputs(SPACE)
    found = network(latents.double(), time.double(), labels).detach()
    expected = published(state, latents.double().numpy(), time.double().numpy(), labels.numpy())
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6, atol=1e-6)  # the fixed positions are float32


def test_bfloat16_autocast_runs_and_trains() -> None:
    network = Dit(TINY, SPACE)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    plain = network(*inputs(SPACE))
    with torch.autocast("cpu", torch.bfloat16):
        found = network(*inputs(SPACE))
    found.float().square().mean().backward()
    assert ((found - plain).abs().mean() < 0.05 * plain.abs().mean()).item()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 18}, "width 18 must be a multiple of 4"),
        ({"num_heads": 3}, "width 16 must be a multiple of num_heads 3"),
        ({"patch_size": 3}, r"patch_size 3 must divide both sides of the latents' grid \[4, 6\]"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Dit(replace(TINY, **change), SPACE)
