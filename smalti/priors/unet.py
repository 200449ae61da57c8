"""The UNet of latent diffusion: LDM (Rombach et al. 2022), built of diffusers' parts."""

from typing import cast

from torch import Tensor, nn

from smalti.config.latent_priors import LatentSpace, UnetNetworkConfig
from smalti.priors.condition import ClassEmbedding
from smalti.priors.latent import LatentPrior


class LatentUnet(LatentPrior):
    """Noisy latents to a prediction of D channels, with cross-attention to one class embedding.

    As CompVis's UNet starts, residual branches and the last convolution start at zero, so the first prediction is
    exactly 0. (diffusers' own start doesn't.)
    """

    def __init__(self, config: UnetNetworkConfig, space: LatentSpace) -> None:
        from diffusers import UNet2DConditionModel  # seconds, which only those pay who build one

        super().__init__(config, space)
        attention = [factor in config.attention for factor in config.factors]
        self.unet = UNet2DConditionModel(
            sample_size=self.grid,
            in_channels=self.num_channels,
            out_channels=self.num_channels,
            block_out_channels=config.widths,
            layers_per_block=config.num_blocks,
            down_block_types=tuple("CrossAttnDownBlock2D" if here else "DownBlock2D" for here in attention),
            up_block_types=tuple("CrossAttnUpBlock2D" if here else "UpBlock2D" for here in reversed(attention)),
            cross_attention_dim=config.context_width,
            # Its name notwithstanding, diffusers takes the number of heads here.
            attention_head_dim=tuple(max(1, width // config.head_width) for width in config.widths),
            norm_num_groups=config.num_groups,
        )
        self.classes = ClassEmbedding(self.num_classes, config.context_width)
        for name, module in self.unet.named_modules():
            if name.rpartition(".")[2] in ("conv2", "proj_out", "conv_out"):
                nn.init.zeros_(module.weight)
                nn.init.zeros_(module.bias)

    def compiled_parts(self) -> list[nn.Module]:
        return [self.unet]

    def forward(self, latents: Tensor, time: Tensor, labels: Tensor) -> Tensor:
        """Returns (B, D, h, w); arguments as ``LatentPrior.forward`` has them."""
        return cast(Tensor, self.unet(latents, time, self.classes(labels), return_dict=False)[0])
