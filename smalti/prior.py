"""A trained prior, ready to generate."""

import operator
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from smalti.card import card_of
from smalti.config.parsing import parse_value, plain, unknown
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.config.sampling import SamplingConfig
from smalti.config.saved import SavedPrior
from smalti.folder import describe, load_network
from smalti.hub import find_folder
from smalti.samplers.draw import Drawn, make_draw
from smalti.samplers.given import Given, check_kept, completed_labels
from smalti.saving import save
from smalti.tokenizer import Tokenizer, check_tokens
from smalti.tokenizers.vq_tokenizer import on_grid

BATCH = 64  # images at a time, unless the caller says otherwise


class Prior:
    """Classes to images: tokens or latents by the prior, images by the tokenizer's codebook and decoder.

    ``network`` is the plain module, ``saved`` what a saved folder says of it, with the sampler's settings. B batch,
    H W pixels, h w grid, k books.
    """

    def __init__(self, network: nn.Module, saved: SavedPrior, tokenizer: Tokenizer, source: Path | None = None) -> None:
        """
        Args:
            source: the folder that it was loaded from, of which ``save`` tells on its card.

        Raises:
            ValueError: the prior was trained on the tokens of another tokenizer.
        """
        if saved.tokens != tokenizer.saved.tokens:
            raise ValueError(
                f"this prior was trained on the tokens of phase 1 {saved.tokens[:16]}, the tokenizer's are those of "
                f"{tokenizer.saved.tokens[:16]}; load the tokenizer that it was trained with"
            )
        self.network, self.saved, self.tokenizer = network.eval().requires_grad_(False), saved, tokenizer
        self.source = source

    def __repr__(self) -> str:
        space = self.saved.space
        counts = f"books={space.num_books}, codes={space.num_codes}, grid={self.saved.grid}"
        return f"Prior({self.saved.prior}, {counts}, classes={len(self.class_names)})"

    @classmethod
    def load(cls, folder: str | Path, tokenizer: Tokenizer) -> Self:
        """Returns the prior in ``folder``, on the tokenizer's device: a published result of a stage that trains one,
        or a folder that ``save`` wrote. Its weights are compared with their sha256.

        The sampler's settings of a published prior are those by which the newest published samples of it were drawn,
        else the sampler's defaults.

        Raises:
            ValueError: the folder holds something else, is damaged, or goes with another tokenizer.
        """
        saved = describe(Path(folder))
        if not isinstance(saved, SavedPrior):
            raise ValueError(f"{folder}: holds a {saved.kind}, not a prior; load it with smalti.Tokenizer.load")
        kind = PRIOR_KINDS[saved.prior]
        network: nn.Module = load_network(Path(folder), saved, lambda: kind.build(saved.network, saved.space))
        return cls(network.to(tokenizer.device), saved, tokenizer, Path(folder))

    @classmethod
    def from_pretrained(cls, name: str | Path, tokenizer: Tokenizer, *, revision: str | None = None) -> Self:
        """Returns the prior in a folder, or in the repository OWNER/NAME of the Hugging Face hub.

        Args:
            revision: branch, tag or commit of the repository.

        Raises:
            ValueError: it can't be had, or as ``load``.
        """
        return cls.load(find_folder(name, revision), tokenizer)

    def save(self, folder: str | Path) -> None:
        """Writes config.json, model.safetensors and a card, README.md, into ``folder``; ``load`` takes it back.

        Raises:
            ValueError: the folder holds a saved network already, or can't be written.
        """
        save(self.saved, self.network, Path(folder), card_of(self.saved, self.source))

    def to(self, device: str | torch.device) -> Self:
        """Moves the network and the tokenizer's to ``device``; returns the prior."""
        self.network.to(device)
        self.tokenizer.to(device)
        return self

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, class 0 first; none for a prior that was trained without labels."""
        return self.saved.class_names

    @property
    def settings(self) -> SamplingConfig:
        """How it is sampled unless the caller says otherwise."""
        settings: SamplingConfig = self.saved.settings
        return settings

    def labels(self, classes: Sequence[str | int]) -> Tensor:
        """Returns class numbers (B,) int64 for names or numbers.

        Raises:
            ValueError: an unknown class, or a prior without classes.
        """
        if isinstance(classes, str | int):
            raise ValueError(f"classes {classes!r}: give a list, one class for each image: [{classes!r}]")
        if not self.class_names:
            raise ValueError("classes: this prior was trained without any; say how many images you want with num")
        return torch.tensor([self._label(name) for name in classes], dtype=torch.int64)

    def _label(self, name: str | int) -> int:
        names = self.class_names
        if isinstance(name, str):
            if name not in names:
                raise ValueError(unknown("class", name, names))
            return names.index(name)
        try:
            number = operator.index(name)
        except TypeError:
            raise ValueError(f"class {name!r}: give a name or a whole number") from None
        if not 0 <= number < len(names):
            raise ValueError(f"class {number}: the classes of this prior are 0 to {len(names) - 1}")
        return number

    def tokens(
        self,
        labels: Tensor,
        *,
        seed: int = 0,
        first: int = 0,
        guidance: float | Sequence[float] | None = None,
        **settings: Any,
    ) -> Tensor:
        """Returns tokens (B, h, w), or (B, k, h, w) of k > 1 books, for labels (B,) as ``labels`` gives them; all are 0
        for a prior without classes.

        Row i is sample ``first`` + i of ``seed``: the same in every batch and on every device, but for rounding.
        Further parameters as for ``generate``.

        Raises:
            ValueError: labels of another shape or range; an unknown or impossible setting.
        """
        last = max(0, len(self.class_names) - 1)
        if labels.dtype != torch.int64 or labels.ndim != 1 or not len(labels):
            raise ValueError(f"labels {labels.dtype} of shape {tuple(labels.shape)}; int64 of shape (B,) is needed")
        if int(labels.min()) < 0 or int(labels.max()) > last:
            raise ValueError(f"labels from {int(labels.min())} to {int(labels.max())}; 0 to {last} are known")
        return self._draw(labels, seed, first, guidance, settings).tokens

    def _draw(
        self, labels: Tensor, seed: int, first: int, guidance: float | Sequence[float] | None, changes: dict[str, Any]
    ) -> Drawn:
        kind, quantizer = PRIOR_KINDS[self.saved.prior], self.tokenizer.network.quantizer
        draw = make_draw(kind, self.network, self._settings(guidance, changes), seed, quantizer, self.saved.grid)
        return draw(labels.to(self.device), range(first, first + len(labels)))

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
            classes: names or numbers, one for each image; None for a prior without classes.
            num: how many images are drawn from a prior without classes.
            seed, first: image i is sample ``first`` + i of ``seed``, whatever the batch.
            guidance: scale of classifier-free guidance, one number or one for each book, by the parameter (s or w) and
                form of ``settings.guidance``; None leaves all of it as it is there.
            batch_size: images at a time.
            settings: other settings of the sampler by name, such as ``temperature=0.9`` or ``steps=8``.

        Raises:
            ValueError: an unknown class or setting, an impossible value, or guidance that the prior never learned.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size {batch_size}: at least 1")
        labels = self._labels(classes, num)
        parts = [
            self.tokenizer.network.decode_codes(self._draw(part, seed, first + start, guidance, settings).codes)
            for start, part in zip(range(0, len(labels), batch_size), labels.split(batch_size), strict=True)
        ]
        return torch.cat(parts)

    def complete(
        self,
        tokens: Tensor,
        keep: Tensor,
        classes: Sequence[str | int] | None = None,
        *,
        seed: int = 0,
        first: int = 0,
        guidance: float | Sequence[float] | None = None,
        batch_size: int = BATCH,
        **settings: Any,
    ) -> Tensor:
        """Returns tokens of the same shape: those at the positions ``keep`` as they were, the others drawn anew.

        A NAR prior fills in any positions (inpainting), an AR prior goes on from whole rows at the top.

        Args:
            tokens: (B, h, w), or (B, k, h, w) of k > 1 books, as the tokenizer gives them.
            keep: (h, w) bool, the same for all images.
            classes: names or numbers, one for each image; None for "no class", which a prior knows that was trained
                with label dropout or without classes.
            seed, first, guidance, batch_size, settings: as for ``generate``.

        Raises:
            ValueError: another shape, positions that this prior can't keep, or as ``generate``.
        """
        check_tokens(tokens, self.tokenizer.num_books, self.tokenizer.num_codes)
        check_kept(tokens, keep, self.saved.grid)
        labels = completed_labels(None if classes is None else self.labels(classes), len(tokens), self.saved)
        kind, chosen = PRIOR_KINDS[self.saved.prior], self._settings(guidance, settings)
        rows = tokens.reshape(len(tokens), self.tokenizer.num_books, -1).to(self.device, torch.int64)
        parts = []
        for start, part in zip(range(0, len(rows), batch_size), rows.split(batch_size), strict=True):
            sample = kind.make_sampler(self.network, chosen, seed, Given(part, keep.flatten().to(self.device)))
            own = labels[start : start + len(part)].to(self.device)
            parts.append(on_grid(sample(own, range(first + start, first + start + len(part))), self.saved.grid))
        return torch.cat(parts)

    def _labels(self, classes: Sequence[str | int] | None, num: int | None) -> Tensor:
        if (classes is None) == (num is None):
            raise ValueError(
                "give either classes, one for each image, or num, the number of images of a prior without classes"
            )
        if classes is not None:
            labels = self.labels(classes)
            if not len(labels):
                raise ValueError("classes: none given; name one for each image")
            return labels
        assert num is not None
        if num < 1:
            raise ValueError(f"num {num}: at least 1")
        if self.class_names:
            raise ValueError(
                f"num: this prior has {len(self.class_names)} classes; name one for each image with classes"
            )
        return torch.zeros(num, dtype=torch.int64)

    def check_settings(self, guidance: float | Sequence[float] | None, changes: Mapping[str, Any]) -> None:
        """Raises ValueError for settings that ``generate`` would refuse: unknown or impossible ones, or guidance that
        the prior never learned."""
        PRIOR_KINDS[self.saved.prior].make_sampler(self.network, self._settings(guidance, changes), seed=0)

    def _settings(self, guidance: float | Sequence[float] | None, changes: Mapping[str, Any]) -> SamplingConfig:
        settings = plain(self.settings)
        for name, value in changes.items():
            if name not in settings:
                raise ValueError(unknown("setting", name, list(settings)))
            settings[name] = _number(value)
        if guidance is not None:
            scales = guidance if isinstance(guidance, Sequence) and not isinstance(guidance, str) else [guidance]
            settings["guidance"]["scale"] = [_number(scale) for scale in scales]
        chosen = parse_value(type(self.settings), settings, "settings")
        for text in chosen.misfits_with(self.tokenizer.saved.quantizer):
            raise ValueError(text)
        if chosen.guidance.active and not self.class_names:
            raise ValueError("guidance: this prior has no classes to guide by; leave it out")
        if chosen.guidance.active and not self.saved.label_dropout:
            raise ValueError(
                "guidance: this prior was never trained without labels (label_dropout 0); leave it out, or train with "
                "label_dropout 0.1"
            )
        return chosen


def _number(value: Any) -> Any:
    """Returns a number of NumPy or PyTorch as Python's; anything else as it is."""
    return value.item() if hasattr(value, "item") else value
