"""The vision transformer over code vectors against timm's own, and against MAE's forward pass written out."""

import timm
import torch
from torch import Tensor
from torch.nn import functional as F

from smalti.classifiers.code_vit import code_vit
from smalti.config.classifier import CodeVitConfig

TINY = CodeVitConfig(num_layers=3, num_heads=4, width=32, mlp_width=64, drop_path=0.2)


def shaken(network: torch.nn.Module) -> torch.nn.Module:
    """Returns the network in float64 with all parameters moved, so that none is 0 or 1."""
    for parameter in network.double().parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return network.eval()


def test_it_is_timms_on_an_image_of_patches_of_one_pixel() -> None:
    network = shaken(code_vit(TINY, 5, (4, 6), 7))
    other = timm.create_model(
        "vit_tiny_patch16_224", img_size=(4, 6), patch_size=1, in_chans=5, num_classes=7, global_pool="avg",
        embed_dim=32, depth=3, num_heads=4, mlp_ratio=2,
    ).double()  # fmt: skip
    other.load_state_dict(network.state_dict())
    vectors = torch.randn(2, 5, 4, 6, dtype=torch.float64)
    assert torch.equal(network(vectors), other.eval()(vectors))


def maes_forward(state: dict[str, Tensor], vectors: Tensor, layers: int, heads: int) -> Tensor:
    """models_vit.py of MAE with global_pool: pre-norm blocks, the mean without the class token, fc_norm, head."""

    def norm(x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()
        return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]

    def linear(x: Tensor, name: str) -> Tensor:
        return torch.einsum("...c,dc->...d", x, state[f"{name}.weight"].flatten(1)) + state[f"{name}.bias"]

    x = linear(vectors.permute(0, 2, 3, 1).flatten(1, 2), "patch_embed.proj")
    x = torch.cat([state["cls_token"].expand(len(x), 1, -1), x], dim=1) + state["pos_embed"]
    for i in range(layers):
        projected = linear(norm(x, f"blocks.{i}.norm1"), f"blocks.{i}.attn.qkv")
        q, k, v = projected.unflatten(-1, (3, heads, -1)).unbind(2)
        scores = torch.einsum("bnhd,bmhd->bhnm", q, k) / q.shape[-1] ** 0.5
        attended = torch.einsum("bhnm,bmhd->bnhd", scores.softmax(-1), v).flatten(2)
        x = x + linear(attended, f"blocks.{i}.attn.proj")
        x = x + linear(F.gelu(linear(norm(x, f"blocks.{i}.norm2"), f"blocks.{i}.mlp.fc1")), f"blocks.{i}.mlp.fc2")
    return linear(norm(x[:, 1:].mean(1), "fc_norm"), "head")


def test_it_computes_what_maes_fine_tuning_does() -> None:
    network = shaken(code_vit(TINY, 5, (4, 6), 7))
    vectors = torch.randn(2, 5, 4, 6, dtype=torch.float64)
    expected = maes_forward(dict(network.state_dict()), vectors, 3, 4)
    torch.testing.assert_close(network(vectors), expected, rtol=1e-9, atol=1e-9)


def test_without_classes_there_is_no_output_layer() -> None:
    whole, rest = (code_vit(TINY, 5, (4, 6), number).state_dict().keys() for number in (7, 0))
    assert whole - rest == {"head.weight", "head.bias"}


def test_it_starts_without_an_opinion() -> None:
    """Output weights of standard deviation 2e-5, biases 0; branches are left out the more often the later."""
    torch.manual_seed(0)
    network = code_vit(CodeVitConfig(num_layers=5, num_heads=4, width=64, mlp_width=256), 5, (4, 4), 1000)
    assert 1.9e-5 < network.head.weight.std() < 2.1e-5 and not network.head.bias.any()
    assert network.eval()(torch.randn(3, 5, 4, 4)).abs().max() < 1e-2
    rates = [getattr(block.drop_path1, "drop_prob", 0.0) for block in network.blocks]
    torch.testing.assert_close(torch.tensor(rates), torch.tensor([0, 0.025, 0.05, 0.075, 0.1]))
