"""The Inception network of FID and Inception score: torch-fidelity's blocks, which repeat the TensorFlow graph of
2015-12-05 with its quirks (average pools without the padding, a max pool in the last block, 1008 logits)."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn
from torch.hub import load_state_dict_from_url
from torch.nn import functional
from torch_fidelity import feature_extractor_inceptionv3 as blocks
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

from smalti.config.features import InceptionConfig
from smalti.features.network import FeatureNetwork
from smalti.tensors import load_strictly, read_weights

SPATIAL = 7  # channels of mixed_6/conv, at 17 x 17 positions
WIDTHS = {
    "features64": 64, "features192": 192, "spatial": 17 * 17 * SPATIAL, "features768": 768, "pooled": 2048,
    "logits": 1008,
}  # fmt: skip
TAPS = {"MaxPool_1": "features64", "MaxPool_2": "features192", "Mixed_6e": "features768", "Flatten": "pooled"}


class Inception(FeatureNetwork):
    """Taps features64, features192, features768 (maps), pooled (2048, of FID), spatial (2023, of sFID: the first seven
    channels of mixed_6/conv, as in ADM's evaluator) and logits (1008, without the bias, of the Inception score). Images
    are resized as TensorFlow 1 did: bilinear, not antialiased, corners not aligned."""

    def __init__(self, config: InceptionConfig) -> None:
        super().__init__(config, mean=(128 / 255,) * 3, std=(128 / 255,) * 3)
        self.network = self.bare(config)
        own = self.network.state_dict()
        counters = {name: value for name, value in own.items() if name.endswith("num_batches_tracked")}  # never read
        load_strictly(self.network, counters | read_weights(config.weights), config.weights)
        self.eval().requires_grad_(False)

    @staticmethod
    def bare(config: InceptionConfig) -> nn.Sequential:
        """Returns the network without weights; names and order are those of torch-fidelity's."""
        return nn.Sequential(
            OrderedDict(
                Conv2d_1a_3x3=blocks.BasicConv2d(3, 32, kernel_size=3, stride=2),
                Conv2d_2a_3x3=blocks.BasicConv2d(32, 32, kernel_size=3),
                Conv2d_2b_3x3=blocks.BasicConv2d(32, 64, kernel_size=3, padding=1),
                MaxPool_1=nn.MaxPool2d(3, stride=2),
                Conv2d_3b_1x1=blocks.BasicConv2d(64, 80, kernel_size=1),
                Conv2d_4a_3x3=blocks.BasicConv2d(80, 192, kernel_size=3),
                MaxPool_2=nn.MaxPool2d(3, stride=2),
                Mixed_5b=blocks.InceptionA(192, pool_features=32),
                Mixed_5c=blocks.InceptionA(256, pool_features=64),
                Mixed_5d=blocks.InceptionA(288, pool_features=64),
                Mixed_6a=blocks.InceptionB(288),
                Mixed_6b=blocks.InceptionC(768, channels_7x7=128),
                Mixed_6c=blocks.InceptionC(768, channels_7x7=160),
                Mixed_6d=blocks.InceptionC(768, channels_7x7=160),
                Mixed_6e=blocks.InceptionC(768, channels_7x7=192),
                Mixed_7a=blocks.InceptionD(768),
                Mixed_7b=blocks.InceptionE_1(1280),
                Mixed_7c=blocks.InceptionE_2(2048),
                AvgPool=nn.AdaptiveAvgPool2d(1),
                Flatten=nn.Flatten(),
                fc=nn.Linear(2048, 1008),
            )
        )

    @staticmethod
    def widths(config: InceptionConfig) -> dict[str, int]:
        return dict(WIDTHS)

    @staticmethod
    def fetch(config: InceptionConfig) -> tuple[dict[str, Tensor], str, str]:
        state = load_state_dict_from_url(
            blocks.URL_INCEPTION_V3, check_hash=True, weights_only=True, map_location="cpu"
        )
        return dict(state), "torch-fidelity's conversion of inception-2015-12-05", "Apache-2.0"

    def normalise(self, images: Tensor) -> Tensor:
        """Returns (x - 128) / 128 of the resized levels x in [0, 255], as the graph does."""
        levels = images.float() * 127.5 + 127.5
        size = (self.input_size, self.input_size)
        resized = interpolate_bilinear_2d_like_tensorflow1x(levels, size=size, align_corners=False)
        return (resized - 128) / 128

    def extract(self, x: Tensor, taps: Sequence[str]) -> dict[str, Tensor]:
        found, wanted = {}, set(taps)
        for name, layer in self.network.named_children():
            if name == "fc":
                break
            if name == "Mixed_6d" and "spatial" in wanted:
                found["spatial"] = layer.get_submodule("branch1x1")(x)[:, :SPATIAL].flatten(1)
            x = layer(x)
            if name in TAPS:
                found[TAPS[name]] = x
            if wanted <= found.keys():
                return {tap: found[tap] for tap in taps}
        found["logits"] = functional.linear(x, self.network.get_parameter("fc.weight"))
        return {tap: found[tap] for tap in taps}
