"""Released weights: the tensors of a file, and which of them a format has taken."""

import pickle
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from torch import Tensor

from smalti.artifact import sha256_of
from smalti.formats import inert_pickle
from smalti.tensors import read_tensors

# Where checkpoints keep their weights, in the order in which they are looked for.
PLACES = ("ema", "state_dict", "model", "module")


def read_checkpoint(file: Path) -> dict[str, Tensor]:
    """Returns the tensors of a safetensors or torch file, by name; from a torch file those under "ema", "state_dict",
    "model" or "module", whichever it has first. Nothing in it is run: see ``inert_pickle``.

    Raises:
        ValueError: no such file, damaged, without tensors, or with code in it, whose name is told.
    """
    if not file.is_file():
        raise ValueError(f"{file}: no such file")
    if file.suffix == ".safetensors":
        return read_tensors(file)
    try:
        found = torch.load(file, map_location="cpu", pickle_module=inert_pickle, weights_only=False)
    except inert_pickle.Refused as error:
        raise ValueError(
            f"{file}: not read, for {error}; where you trust it, keep its tensors alone and import that file: "
            "python -c \"import torch; torch.save(torch.load('FILE', weights_only=False)['state_dict'], 'plain.pt')\""
        ) from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError, AttributeError,
            IndexError, zipfile.BadZipFile) as error:  # fmt: skip
        reason = " ".join(str(error).split()).partition(". ")[0]
        raise ValueError(f"{file}: cannot be read ({reason or type(error).__name__}); fetch it again") from error
    for place in PLACES:
        if isinstance(found, Mapping) and isinstance(found.get(place), Mapping):
            found = found[place]
    tensors = (
        {str(name): value for name, value in found.items() if isinstance(value, Tensor)}
        if isinstance(found, Mapping)
        else {}
    )
    if not tensors:
        raise ValueError(f"{file}: holds no tensors by name ({type(found).__name__})")
    return tensors


class Weights:
    """The tensors of a file by name, each to be taken once; ``sha256`` is the file's."""

    def __init__(self, file: Path) -> None:
        """
        Raises:
            ValueError: the file can't be read.
        """
        self.file, self.tensors = file, read_checkpoint(file)
        self.sha256 = sha256_of(file)
        self.left = set(self.tensors)

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def below(self, prefix: str) -> "Weights":
        """Returns the same file's tensors whose names begin with ``prefix``, under the rest of their names."""
        part = object.__new__(Weights)
        part.file, part.sha256 = self.file, self.sha256
        part.tensors = {
            name.removeprefix(prefix): value for name, value in self.tensors.items() if name.startswith(prefix)
        }
        part.left = set(part.tensors)
        return part

    def shape(self, name: str) -> tuple[int, ...]:
        """Returns the shape of a tensor; ValueError if it isn't there."""
        return tuple(self._find(name).shape)

    def take(self, name: str) -> Tensor:
        """Returns a tensor in float32, and notes that it was taken; ValueError if it isn't there."""
        self.left.discard(name)
        return self._find(name).float()

    def count(self, prefix: str, suffix: str) -> int:
        """Returns how many of ``prefix`` + number + ``suffix`` there are, from 0 on."""
        number = 0
        while f"{prefix}{number}{suffix}" in self.tensors:
            number += 1
        return number

    def modules(self, prefix: str, names: Mapping[str, str]) -> Iterator[tuple[str, Tensor]]:
        """Yields (new name, tensor) for the weight, and the bias where there is one, of each module in ``names``, which
        maps new names to those below ``prefix``."""
        for new, old in names.items():
            yield f"{new}.weight", self.take(f"{prefix}{old}.weight")
            if f"{prefix}{old}.bias" in self.tensors:
                yield f"{new}.bias", self.take(f"{prefix}{old}.bias")

    def averaged(self, prefix: str) -> "Weights":
        """Returns the same tensors, those replaced of which ``prefix`` has an average, under the name without its dots
        (LitEma of latent diffusion, which Open-MAGVIT2 and IBQ use)."""
        averages = {name: f"{prefix}{name.replace('.', '')}" for name in self.tensors if not name.startswith(prefix)}
        found = self.below("")
        found.tensors |= {name: self.tensors[other] for name, other in averages.items() if other in self.tensors}
        return found

    def check_nothing_left(self, unused: Sequence[str]) -> None:
        """Raises ValueError for tensors that no part of the network took, but for those whose names have one of the
        patterns ``unused``."""
        left = sorted(name for name in self.left if not any(fnmatchcase(name, pattern) for pattern in unused))
        if left:
            raise ValueError(f"{self.file}: {len(left)} tensors that this format doesn't have, {left[:3]}")

    def _find(self, name: str) -> Tensor:
        if name not in self.tensors:
            raise ValueError(f"{self.file}: has no {name}, which this format has")
        return self.tensors[name]
