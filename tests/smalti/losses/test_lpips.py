"""LPIPS over each backbone, against the package itself."""

from pathlib import Path
from typing import Any

import lpips
import pytest
import torch
from tests_support import write_torchvision
from torchvision.models import get_model

from smalti.config.losses import LpipsConfig
from smalti.losses.lpips import build_lpips
from smalti.tensors import read_weights


@pytest.mark.parametrize(("backbone", "name"), [("vgg", "vgg16"), ("alex", "alexnet"), ("squeeze", "squeezenet1_1")])
def test_lpips_is_the_packages_on_the_local_backbone(
    backbone: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package takes torchvision's pretrained network; here it is given one with the weights of the file."""
    file = write_torchvision(tmp_path / "backbone.pth", name)
    network = build_lpips(LpipsConfig(backbone=backbone, weights=file))
    pretrained = get_model(name, weights=None)
    pretrained.load_state_dict(read_weights(file))
    monkeypatch.setattr(lpips.pretrained_networks.tv, name, lambda pretrained_=True, **_: pretrained)
    peer = lpips.LPIPS(net=backbone, verbose=False).eval()
    a, b = torch.rand(2, 3, 64, 64) * 2 - 1, torch.rand(2, 3, 64, 64) * 2 - 1
    found = network(a, b)
    torch.testing.assert_close(found, peer(a, b))
    assert network(a, a).abs().max() == 0 and found.min() > 1e-4
    assert torch.equal(found, network(a, b)), "dropout is on"
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_a_file_of_another_backbone_is_refused(tmp_path: Path) -> None:
    file = write_torchvision(tmp_path / "squeeze.pth", "squeezenet1_1")
    with pytest.raises(ValueError, match=r"squeeze\.pth: .* these are the weights of another network"):
        build_lpips(LpipsConfig(backbone="alex", weights=file))
    with pytest.raises(
        ValueError, match=r"'vgg16.safetensors' is VGG16's, and the backbone 'alex'; name a file of its"
    ):
        LpipsConfig(backbone="alex")
