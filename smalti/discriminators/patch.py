"""PatchGAN discriminator (Isola et al. 2017), as VQGAN uses it."""

from torch import Tensor, nn

from smalti.config.discriminators import PatchDiscriminatorConfig


class PatchDiscriminator(nn.Module):
    """Images (B, 3, H, W) to one logit a patch, (B, 1, h', w').

    Group norm in place of batch norm: VQGAN's batch statistics differ between ranks, and move in the generator's pass.
    """

    def __init__(self, config: PatchDiscriminatorConfig) -> None:
        super().__init__()
        width = config.width
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for layer in range(1, config.num_layers + 1):
            wider = config.width * min(2**layer, 8)
            stride = 2 if layer < config.num_layers else 1
            layers += [
                nn.Conv2d(width, wider, 4, stride=stride, padding=1, bias=False),
                nn.GroupNorm(config.norm_groups, wider),
                nn.LeakyReLU(0.2),
            ]
            width = wider
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 1, 4, padding=1))
        for module in self.layers:
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)
