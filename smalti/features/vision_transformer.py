"""Patch features of CLIP (open_clip) and of timm's vision transformers (DINOv2)."""

import logging
from collections.abc import Sequence
from typing import Any

import open_clip
import timm
import torch
from torch import Tensor

from smalti.config.features import OpenClipConfig, TimmConfig
from smalti.features.network import FeatureNetwork
from smalti.tensors import load_strictly, read_weights

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def vision_config(config: OpenClipConfig) -> dict[str, Any]:
    """Returns what open_clip says of a model; ValueError for one that it hasn't."""
    model: dict[str, Any] | None = open_clip.get_model_config(config.model)
    if model is None:
        raise ValueError(f"open_clip has no model {config.model!r}; see open_clip.list_models()")
    return model


class OpenClip(FeatureNetwork):
    """Image tower of open_clip. ``patches`` (B, C, h, w) of a ViT pass the final norm and projection, as VQGAN-LC's do;
    those of a ResNet are its last map, before the attention pool. ``pooled`` (B, C) is the image embedding;
    ``class_token`` (B, C') a ViT's last class token before norm and projection, FQGAN's target."""

    def __init__(self, config: OpenClipConfig) -> None:
        super().__init__(config, CLIP_MEAN, CLIP_STD)
        network = self.bare(config)
        prefix = "visual."
        state = read_weights(config.weights)
        visual = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        load_strictly(network, visual, config.weights)
        self.network = network.float()
        self.eval().requires_grad_(False)

    @staticmethod
    def bare(config: OpenClipConfig) -> Any:
        """Returns open_clip's image tower without weights, on the default device; ValueError for a model it hasn't."""
        vision_config(config)
        logging.disable(logging.WARNING)  # "No pretrained weights loaded": they come from a file, or aren't wanted
        try:
            return open_clip.create_model(config.model, pretrained=None, device=torch.get_default_device()).visual
        finally:
            logging.disable(logging.NOTSET)

    @staticmethod
    def widths(config: OpenClipConfig) -> dict[str, int]:
        model = vision_config(config)
        vision, pooled = model["vision_cfg"], model["embed_dim"]
        if isinstance(vision["layers"], list):  # a ResNet, whose last map has 32 times the width of its stem
            return {"patches": 32 * vision["width"], "pooled": pooled}
        return {"patches": pooled, "pooled": pooled, "class_token": vision["width"]}

    @staticmethod
    def fetch(config: OpenClipConfig) -> tuple[dict[str, Tensor], str, str]:
        model = open_clip.create_model(config.model, pretrained="openai")
        return model.state_dict(), f"open_clip {config.model} openai", "MIT"

    def extract(self, x: Tensor, taps: Sequence[str]) -> dict[str, Tensor]:
        found = {}
        if "patches" in taps:
            tokens = self.network.forward_intermediates(
                x, indices=1, normalize_intermediates=True, intermediates_only=True, output_fmt="NCHW"
            )["image_intermediates"][-1]
            projection = getattr(self.network, "proj", None)
            found["patches"] = tokens if projection is None else (tokens.movedim(1, -1) @ projection).movedim(-1, 1)
        if "pooled" in taps:
            found["pooled"] = self.network(x)
        if "class_token" in taps:
            last = self.network.forward_intermediates(x, indices=1, intermediates_only=True, output_extra_tokens=True)
            found["class_token"] = last["image_intermediates_prefix"][-1][:, 0]
        return {tap: found[tap] for tap in taps}


class TimmFeatures(FeatureNetwork):
    """A timm network; ``patches`` (B, C, h, w) is its last feature map, ``pooled`` (B, C) its embedding."""

    def __init__(self, config: TimmConfig) -> None:
        super().__init__(config, IMAGENET_MEAN, IMAGENET_STD)
        self.network = self.bare(config)
        load_strictly(self.network, read_weights(config.weights), config.weights)
        self.eval().requires_grad_(False)

    @staticmethod
    def bare(config: TimmConfig) -> Any:
        size = {} if config.input_size is None else {"img_size": config.input_size}
        return timm.create_model(config.model, pretrained=False, num_classes=0, **size)

    @staticmethod
    def widths(config: TimmConfig) -> dict[str, int]:
        with torch.device("meta"):
            network = TimmFeatures.bare(config)
        return dict.fromkeys(("patches", "pooled"), network.num_features)

    @staticmethod
    def fetch(config: TimmConfig) -> tuple[dict[str, Tensor], str, str]:
        network = timm.create_model(config.model, pretrained=True, num_classes=0, img_size=config.input_size)
        return network.state_dict(), f"timm {config.model}", network.pretrained_cfg.get("license", "see the model card")

    def extract(self, x: Tensor, taps: Sequence[str]) -> dict[str, Tensor]:
        patches = self.network.forward_intermediates(x, indices=1, norm=True, intermediates_only=True)[-1]
        found = {"patches": patches}
        if "pooled" in taps:
            found["pooled"] = self.network(x)
        return {tap: found[tap] for tap in taps}
