"""Config of stage latent_shards."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from configs.schema.shards import ShardsConfig
from configs.schema.stage import Stage


@dataclass(frozen=True, kw_only=True)
class LatentShardsConfig(ShardsConfig):
    """Stage latent_shards: the latents of every image before quantisation, once for each view.

    Priors over latents learn from them (VQGAN-LC section 3.3). Each channel's mean and deviation over train are kept.

    8 x 16 x 16 latents take 4 KB a view in float16: 5.2 GB for ImageNet's train images, one view each.
    """

    STAGE: ClassVar[Stage] = Stage(
        name="latent_shards", version=1, needs=("data", "tokenizer"),
        takes=(), resumes=True, one_process=False, curves=None,
    )  # fmt: skip
    dtype: Literal["float16", "float32"] = "float16"
    """Type of the numbers that are kept."""
