"""The training steps of both phases against SeQ-GAN's eq. 2, written out."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from configs.schema.decoder import DecoderConfig
from configs.schema.tokenizer import TokenizerConfig
from configs.schema.training import GanConfig, OptimizerConfig, TrainingConfig
from lit_modules.decoder import LitDecoder
from lit_modules.reconstruction import LitReconstruction
from lit_modules.tokenizer import LitTokenizer
from smalti.codebooks import build_quantizer
from smalti.config.autoencoders import DecoderAttentionConfig, SeqganConfig
from smalti.config.codebooks import EmaCodebookConfig, FactorisedConfig, LearnedCodebookConfig
from smalti.config.discriminators import PatchDiscriminatorConfig
from smalti.config.losses import LpipsLossConfig
from smalti.layers.frozen import Frozen
from smalti.tokenizers.autoencoders import build_decoder, build_encoder
from smalti.tokenizers.vq_tokenizer import VQTokenizer

SHAPE = SeqganConfig(widths=(4, 4), encoder_blocks=(1, 1), decoder_blocks=(1, 1), latent_dim=3, norm_groups=2)
CODEBOOK = LearnedCodebookConfig(num_codes=5, commitment_weight=0.25, codebook_weight=1.0, entropy_weight=0.0)


class SquareLoss:
    """Stands in for a perceptual loss: the mean square of the differences, of one tap."""

    name = "square"

    def __init__(self) -> None:
        self.network = Frozen(nn.Identity())

    def __call__(self, images: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        loss = (images - targets).square().mean()
        return loss, {"pixels": loss}


def shared(**gan: Any) -> dict[str, Any]:
    optimizer = OptimizerConfig(lr=0.1)
    return {
        "perceptual": LpipsLossConfig(weight=0.3),
        "gan": GanConfig(loss="non_saturating", weight=0.2, **gan),
        "training": TrainingConfig(updates=10, batch_size=2),
        "optimizer": optimizer,
        "discriminator_optimizer": optimizer,
        "reconstruction_weight": 1.5,
    }


def phase1(**gan: Any) -> LitTokenizer:
    config = TokenizerConfig(
        autoencoder=SHAPE, quantizer=CODEBOOK, discriminator=PatchDiscriminatorConfig(), quantizer_weight=0.7,
        **shared(**gan),
    )  # fmt: skip
    return LitTokenizer(tokenizer(), discriminator(), SquareLoss(), config)  # type: ignore[arg-type]


def phase2(**gan: Any) -> LitDecoder:
    config = DecoderConfig(attention=DecoderAttentionConfig(block_sizes=(2, 2)), **shared(**gan))
    return LitDecoder(build_decoder(SHAPE), Frozen(tokenizer()), discriminator(), SquareLoss(), config)  # type: ignore[arg-type]


def tokenizer() -> VQTokenizer:
    network = VQTokenizer(build_encoder(SHAPE, 8), build_quantizer(CODEBOOK, 3, None), build_decoder(SHAPE))
    nn.init.normal_(network.quantizer.codebook)
    return network


def discriminator() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Conv2d(4, 1, 3))


def step(module: LitReconstruction, images: Tensor, update: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, Tensor]:
    """Runs one training step with its backward pass and without optimisers; returns its total loss and raw terms."""
    result: dict[str, Tensor] = {}

    def backward(loss: Tensor, batch_idx: int, active: dict[int, bool]) -> None:
        result["loss"] = loss.detach()
        loss.backward()

    monkeypatch.setattr(LitReconstruction, "update", property(lambda self: update))
    monkeypatch.setattr(module, "report", lambda terms, batch_size: result.update(terms))
    monkeypatch.setattr(module, "optimise", backward)
    module.training_step({"images": images}, 0)
    return result


def gradients(network: nn.Module, loss: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(network.parameters()), retain_graph=True))


def gan_losses(network: nn.Module, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Goodfellow et al. 2014: -log D(x') and -log D(x) - log(1 - D(x')), with D a sigmoid of the logits."""
    logits, fakes = network(real), network(fake)
    generator = -torch.sigmoid(fakes).log().mean()
    return generator, -torch.sigmoid(logits).log().mean() - (1 - torch.sigmoid(network(fake.detach()))).log().mean()


@pytest.mark.parametrize("adaptive", [False, True])
def test_phase_1_minimises_equation_2(adaptive: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    module, images = phase1(adaptive=adaptive), torch.rand(2, 3, 8, 8) * 2 - 1
    network = module.network
    latents, table = network.encoder(images), network.quantizer.codebook
    rows = latents.permute(0, 2, 3, 1)
    codes = table[(rows[..., None, :] - table).square().sum(-1).argmin(-1)]
    codebook, commitment = F.mse_loss(codes, rows.detach()), F.mse_loss(rows, codes.detach())
    decoded = network.decoder(latents + (codes.permute(0, 3, 1, 2) - latents).detach())
    pixel, perceptual = (decoded - images).abs().mean(), (decoded - images).square().mean()
    generator, discriminating = gan_losses(module.adversary.discriminator, images, decoded)
    visible = 1.5 * pixel + 0.3 * perceptual
    weight = torch.tensor(0.2)
    if adaptive:
        last = network.decoder.conv_out[-1].weight
        norms = [torch.autograd.grad(part, last, retain_graph=True)[0].norm() for part in (visible, generator)]
        weight = 0.2 * (norms[0] / (norms[1] + 1e-4)).clamp(max=10.0)
    expected = visible + 0.7 * (codebook + 0.25 * commitment) + weight * generator

    result = step(module, images, 0, monkeypatch)
    torch.testing.assert_close(result["loss"], expected + discriminating)
    named = {
        "l1": pixel, "perceptual": perceptual, "perceptual/square/pixels": perceptual, "quantizer/codebook": codebook,
        "quantizer/commitment": commitment, "gan/generator": generator, "gan/weight": weight,
        "gan/discriminator": discriminating,
    }  # fmt: skip
    for name, value in named.items():
        torch.testing.assert_close(result[f"train/{name}"].detach(), value.detach(), msg=name)
    for part, loss in ((network, expected), (module.adversary.discriminator, discriminating)):
        for parameter, gradient in zip(part.parameters(), gradients(part, loss), strict=True):
            torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)
    assert module.window.counts.sum() == 2 * 4 * 4


def test_phase_2_moves_the_decoder_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    module, images = phase2(), torch.rand(2, 3, 8, 8) * 2 - 1
    frozen = module.tokenizer.network
    decoded = module.network(frozen.quantizer.decode(frozen.encode(images)))
    generator, discriminating = gan_losses(module.adversary.discriminator, images, decoded)
    difference = decoded - images
    expected = 1.5 * difference.abs().mean() + 0.3 * difference.square().mean() + 0.2 * generator

    result = step(module, images, 0, monkeypatch)
    torch.testing.assert_close(result["loss"], expected + discriminating)
    for part, loss in ((module.network, expected), (module.adversary.discriminator, discriminating)):
        for parameter, gradient in zip(part.parameters(), gradients(part, loss), strict=True):
            torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)
    assert all(parameter.grad is None for parameter in frozen.parameters())


def test_before_its_start_the_discriminator_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weights are in the graph, which DDP asks for, with gradients of 0; nothing of the GAN is reported."""
    module, images = phase1(discriminator_start=3, generator_start=5), torch.rand(2, 3, 8, 8)
    result = step(module, images, 2, monkeypatch)
    assert all(parameter.grad.abs().sum() == 0 for parameter in module.adversary.parameters())
    assert not any(name.startswith("train/gan") for name in result)
    assert "train/gan/generator" not in step(module, images, 4, monkeypatch)
    assert "train/gan/generator" in step(module, images, 5, monkeypatch)


@pytest.mark.parametrize("is_global_zero", [True, False])
def test_counts_of_all_ranks_are_saved_and_held_once(is_global_zero: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank 0 holds the sum from then on, the others nothing: the next sum would count theirs again."""
    module = phase1()
    monkeypatch.setattr(type(module), "trainer", SimpleNamespace(is_global_zero=is_global_zero))
    monkeypatch.setattr("lit_modules.reconstruction.all_sum", lambda counts: counts + 10)
    module.window.counts.fill_(1)
    checkpoint: dict[str, Any] = {"state_dict": {}}
    module.on_save_checkpoint(checkpoint)
    assert set(module.window.counts.flatten().tolist()) == {11 if is_global_zero else 0}
    assert torch.equal(checkpoint["state_dict"]["window.counts"], module.window.counts)
    loaded = {"state_dict": {"window.counts": torch.full_like(module.window.counts, 11)}}
    module.on_load_checkpoint(loaded)
    assert set(loaded["state_dict"]["window.counts"].flatten().tolist()) == {11 if is_global_zero else 0}


def test_a_codebook_with_statistics_is_left_out_of_compilation() -> None:
    module = phase1()
    assert module.compiled_parts() == [module.network]
    module.network.quantizer = build_quantizer(FactorisedConfig(book=EmaCodebookConfig(num_codes=4)), 4, None)
    assert module.compiled_parts() == [module.network.encoder, module.network.decoder]
