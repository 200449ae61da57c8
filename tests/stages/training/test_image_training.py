"""What a training on images refuses before it starts."""

import pytest
from torch import nn

from smalti.config.discriminators import StyleDiscriminatorConfig
from smalti.discriminators.style import StyleDiscriminator
from stages.training.image_training import check_groups


def test_groups_of_the_discriminator_divide_a_devices_images() -> None:
    discriminator = StyleDiscriminator(StyleDiscriminatorConfig(widths=(8, 8), stddev_group=4))
    check_groups(discriminator, 8)
    check_groups(nn.Identity(), 6)
    with pytest.raises(ValueError, match="stddev_group 4 doesn't divide the 6 images"):
        check_groups(discriminator, 6)
