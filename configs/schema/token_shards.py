"""Config of stage token_shards."""

from dataclasses import dataclass
from typing import ClassVar

from configs.schema.shards import ShardsConfig
from configs.schema.stage import Stage


@dataclass(frozen=True, kw_only=True)
class TokenShardsConfig(ShardsConfig):
    """Stage token_shards: the tokens of every image, once for each view.

    LlamaGen's ten crops are centre and the four corners, ``resize_range`` 1.1 and ``flip``. Where a released prior sees
    a crop of the whole shorter side that is drawn anew at every update (VQGAN, Open-MAGVIT2), ``random`` several times
    comes close.
    """

    STAGE: ClassVar[Stage] = Stage(
        name="token_shards", version=2, needs=("data", "tokenizer"),
        takes=(), resumes=True, one_process=False, curves=None,
    )  # fmt: skip
