"""A trained prior, ready to generate."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from smalti.config.parsing import unknown
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.config.sampling import SamplingConfig
from smalti.config.saved import SavedPrior
from smalti.folder import describe, read_weights_of
from smalti.priors import TokenPrior
from smalti.saving import save
from smalti.tensors import load_strictly
from smalti.tokenizer import Tokenizer
from smalti.tokenizers.vq_tokenizer import on_grid

BATCH = 64  # images at a time, where the caller says nothing


class Prior:
    """Classes to images: tokens from the prior, images from the tokenizer's decoder.

    ``network`` is the plain module, ``saved`` what a saved folder says of it, with the sampler's settings.
    """

    def __init__(self, network: TokenPrior, saved: SavedPrior, tokenizer: Tokenizer) -> None:
        """
        Raises:
            ValueError: the prior was trained on the tokens of another tokenizer.
        """
        if saved.tokens != tokenizer.saved.tokens:
            raise ValueError(
                f"this prior speaks the tokens of {saved.tokens[:16]}, the tokenizer those of "
                f"{tokenizer.saved.tokens[:16]}; load the tokenizer that it was trained on"
            )
        self.network, self.saved, self.tokenizer = network.eval().requires_grad_(False), saved, tokenizer

    @classmethod
    def load(cls, folder: str | Path, tokenizer: Tokenizer) -> Self:
        """Returns the prior in ``folder``, on the tokenizer's device: a published result of a stage that trains one,
        or a folder that ``save`` wrote. Its weights are compared with their sha256.

        The sampler's settings are those of the newest published samples of this prior, else the sampler's defaults.

        Raises:
            ValueError: the folder holds something else, is damaged, or goes with another tokenizer.
        """
        saved = describe(Path(folder))
        if not isinstance(saved, SavedPrior):
            raise ValueError(f"{folder}: holds a {saved.kind}, not a prior; load it with smalti.Tokenizer.load")
        network = PRIOR_KINDS[saved.prior].build(saved.network, saved.space)
        load_strictly(network, *read_weights_of(Path(folder), saved))
        return cls(network.to(tokenizer.device), saved, tokenizer)

    def save(self, folder: str | Path) -> None:
        """Writes config.json and model.safetensors into ``folder``, nothing else; ``load`` takes it back.

        Raises:
            ValueError: the folder holds a saved network already, or can't be written.
        """
        save(self.saved, self.network, Path(folder))

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, class 0 first; none of a prior that was trained without labels."""
        return self.saved.class_names

    @property
    def settings(self) -> SamplingConfig:
        """How it is sampled where the caller says nothing else."""
        settings: SamplingConfig = self.saved.settings
        return settings

    def labels(self, classes: Sequence[str | int]) -> Tensor:
        """Returns class numbers (B,) int64 for names or numbers.

        Raises:
            ValueError: an unknown class; a prior without classes.
        """
        names = self.class_names
        if not names:
            raise ValueError("this prior was trained without classes; leave them out and say how many images with num")
        found = []
        for name in classes:
            if isinstance(name, str):
                if name not in names:
                    raise ValueError(unknown("class", name, list(names)))
                found.append(names.index(name))
            elif 0 <= name < len(names):
                found.append(int(name))
            else:
                raise ValueError(f"class {name}: this prior has 0 to {len(names) - 1}")
        return torch.tensor(found, dtype=torch.int64)

    def tokens(
        self,
        labels: Tensor,
        *,
        seed: int = 0,
        first: int = 0,
        guidance: float | Sequence[float] | None = None,
        **settings: Any,
    ) -> Tensor:
        """Returns tokens (B, h, w), or (B, k, h, w) of k > 1 books, for labels (B,).

        Image i of them is sample ``first`` + i of ``seed``: the same in every batch and on every device but for
        rounding. Parameters as for ``generate``.
        """
        chosen = self._settings(guidance, settings)
        sampler = PRIOR_KINDS[self.saved.prior].make_sampler(self.network, chosen, seed)
        found = sampler(labels.to(self.tokenizer.device), range(first, first + len(labels)))
        return on_grid(found, self.saved.grid)

    def generate(
        self,
        classes: Sequence[str | int] | None = None,
        *,
        num: int | None = None,
        seed: int = 0,
        first: int = 0,
        guidance: float | Sequence[float] | None = None,
        batch_size: int = BATCH,
        **settings: Any,
    ) -> Tensor:
        """Returns images (B, 3, H, W) in [-1, 1], one for each of ``classes``.

        Args:
            classes: names or numbers, one an image; of a prior without classes none, and ``num`` images are drawn.
            seed, first: image i is sample ``first`` + i of ``seed``.
            guidance: scale of classifier-free guidance, one number or one a book.
            settings: further settings of the sampler by name, such as ``temperature=0.9`` or ``steps=8``.

        Raises:
            ValueError: an unknown class or setting, or guidance by what the prior has never learned.
        """
        labels = self._labels(classes, num)
        parts = [
            self.tokenizer.decode(self.tokens(part, seed=seed, first=first + start, guidance=guidance, **settings))
            for start, part in zip(range(0, len(labels), batch_size), labels.split(batch_size), strict=True)
        ]
        return torch.cat(parts)

    def _labels(self, classes: Sequence[str | int] | None, num: int | None) -> Tensor:
        if (classes is None) == (num is None):
            raise ValueError(
                "give either classes, one an image, or num, the number of images of a prior without classes"
            )
        if classes is not None:
            if isinstance(classes, str):
                raise ValueError(f"classes {classes!r}: give a list, one class an image: [{classes!r}]")
            if not len(classes):
                raise ValueError("classes: none given; name one an image")
            return self.labels(classes)
        assert num is not None
        if num < 1:
            raise ValueError(f"num {num}: at least 1")
        if self.class_names:
            raise ValueError(f"num: this prior has {len(self.class_names)} classes; name one an image with classes")
        return torch.zeros(num, dtype=torch.int64)

    def _settings(self, guidance: float | Sequence[float] | None, changes: dict[str, Any]) -> SamplingConfig:
        settings = self.settings
        known = [field.name for field in dataclasses.fields(settings)]
        for name in changes:
            if name not in known:
                raise ValueError(unknown("setting", name, known))
        if guidance is not None:
            scale = (float(guidance),) if isinstance(guidance, int | float) else tuple(float(s) for s in guidance)
            changes = {"guidance": dataclasses.replace(settings.guidance, scale=scale), **changes}
        settings = dataclasses.replace(settings, **changes)
        if settings.guidance.active and not self.class_names:
            raise ValueError("guidance: this prior has no classes to guide by; leave it out")
        if settings.guidance.active and not self.saved.label_dropout:
            raise ValueError(
                "guidance: this prior was never trained without labels (label_dropout 0); leave it out, or train "
                "with 0.1"
            )
        return settings
