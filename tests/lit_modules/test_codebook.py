"""What stage codebook takes from a feature map."""

import torch

from lit_modules.codebook import LitCodebook
from smalti.config.features import EfficientNetLiteConfig
from smalti.features import build_features
from smalti.layers.frozen import Frozen
from smalti.pixels import from_uint8


def test_points_are_means_of_squares_or_the_positions_themselves() -> None:
    """Pooled to 4 x 4 as VQGAN-LC's code has it, row by row from the top left."""
    features = Frozen(build_features(EfficientNetLiteConfig(kind="efficientnet_lite0")))
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    whole = features(images, ["block1"])["block1"]
    plain = LitCodebook(features, "block1", None).extract(images)
    side = whole.shape[-1]
    assert plain.shape == (2, side * side, whole.shape[1]) and side % 4 == 0
    assert torch.equal(plain[1, side + 2], whole[1, :, 1, 2])
    pooled = LitCodebook(features, "block1", 4).extract(images)
    part = side // 4
    assert pooled.shape == (2, 16, whole.shape[1])
    torch.testing.assert_close(pooled[0, 4 + 2], whole[0, :, part : 2 * part, 2 * part : 3 * part].mean(dim=(1, 2)))
    assert LitCodebook(features, "block1", 4).shape(64) == (16, whole.shape[1])


def test_features_are_those_of_the_first_view() -> None:
    """The image as it is; its mirror image comes second."""
    features = Frozen(build_features(EfficientNetLiteConfig(kind="efficientnet_lite0")))
    images = torch.randint(256, (2, 2, 3, 32, 32), dtype=torch.uint8)
    module = LitCodebook(features, "block1", None)
    found = module.predict_step({"images": images}, 0)["features"]
    assert found.dtype == torch.float16
    torch.testing.assert_close(found.float(), module.extract(from_uint8(images[:, 0])), rtol=1e-3, atol=1e-3)
