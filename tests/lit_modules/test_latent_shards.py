"""Encoding for the priors over latents."""

import pytest
import torch
from torch import nn

from lit_modules.latent_shards import LitLatentShards
from smalti.layers.frozen import Frozen


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_latents_of_each_view_and_none_too_large(dtype: torch.dtype) -> None:
    """An encoder that scales pixels in [-1, 1]: its latents are told, or refused where the type ends."""
    images = torch.randint(256, (3, 2, 3, 4, 4), dtype=torch.uint8)
    images[0, 0, 0, 0, 0] = 255
    scale = nn.Conv2d(3, 3, 1, groups=3, bias=False)
    nn.init.constant_(scale.weight, 2.0)
    module = LitLatentShards(Frozen(scale), dtype)
    latents = module.predict_step({"images": images}, 0)["latents"]
    assert latents.dtype == dtype and latents.shape == (3, 2, 3, 4, 4)
    torch.testing.assert_close(latents.float(), (images / 127.5 - 1) * 2, atol=2e-3, rtol=0)
    nn.init.constant_(scale.weight, 65_536.0)
    if dtype == torch.float16:
        with pytest.raises(ValueError, match=r"as large as 6\.554e\+04 don't fit float16, which ends at 6\.55e\+04"):
            module.predict_step({"images": images}, 0)
    else:
        assert module.predict_step({"images": images}, 0)["latents"].amax() == 65_536
    nn.init.constant_(scale.weight, float("nan"))
    with pytest.raises(ValueError, match="as large as nan don't fit"):
        module.predict_step({"images": images}, 0)
