"""Released weights of other projects, each format in a file of its own: a map of names, and what shapes tell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn

from smalti.building import build_outline, build_unfilled
from smalti.config.parsing import plain, unknown
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.config.saved import FORMAT, SavedPrior, SavedTokenizer, parse_saved
from smalti.formats import (
    far,
    fqgan,
    ibq,
    llamagen_gpt,
    llamagen_vq,
    maskgit_vqgan,
    open_magvit2,
    taming_gpt,
    taming_vqgan,
    vqgan_lc,
    vqgan_lc_gpt,
)
from smalti.formats.checkpoint import Weights
from smalti.formats.imported import Asked, Format, origin
from smalti.prior import Prior
from smalti.tensors import check_tensors
from smalti.tokenizer import Tokenizer, build_tokenizer

Net = TypeVar("Net", bound=nn.Module)
FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT
    for module in (
        taming_vqgan, taming_gpt, llamagen_vq, llamagen_gpt, fqgan, far, vqgan_lc, vqgan_lc_gpt, open_magvit2, ibq,
        maskgit_vqgan,
    )
}  # fmt: skip


def open_weights(file: Path, name: str) -> tuple[Format, Weights]:
    """Returns a format and the part of a file that is of it.

    Raises:
        ValueError: an unknown format, a file that can't be read, or one of another format; which, if it is known.
    """
    if name not in FORMATS:
        raise ValueError(unknown("format", name, list(FORMATS)))
    chosen = FORMATS[name]
    whole = Weights(file)
    weights = chosen.within(whole)
    if not chosen.fits(weights):
        missing = next(mark for mark in chosen.marks if mark not in weights)
        alike = [other.name for other in FORMATS.values() if other.fits(other.within(whole))]
        looks = f"it looks like {' or '.join(alike)}" if alike else "it looks like none of the formats that are known"
        raise ValueError(f"{file}: no {name}, for it has no {missing}; {looks}")
    return chosen, weights


def import_tokenizer(
    file: Path | str, name: str, settings: Mapping[str, int] | None = None, config: Mapping[str, Any] | None = None
) -> Tokenizer:
    """Returns the tokenizer in a file of released weights.

    Args:
        name: the format, of FORMATS.
        settings: what neither the file nor its ``config`` says, by the names that the format asks for.
        config: what is in the yaml that the format ships beside the weights.

    Raises:
        ValueError: another format, damaged, tensors too many or too few, or a setting that is missing or unknown.
    """
    chosen, weights = open_weights(Path(file), name)
    _check_kind(chosen, "tokenizer")
    fields, state = chosen.convert(weights, _asked(chosen, weights, settings, config))
    saved = _saved(chosen, weights, {"kind": "tokenizer", "tokens": weights.sha256, **fields})
    assert isinstance(saved, SavedTokenizer)
    return Tokenizer(_filled(chosen, weights, lambda: build_tokenizer(saved), state), saved)


def import_prior(
    file: Path | str,
    name: str,
    tokenizer: Tokenizer,
    settings: Mapping[str, int] | None = None,
    config: Mapping[str, Any] | None = None,
    class_names: Sequence[str] | None = None,
) -> Prior:
    """Returns the prior in a file of released weights, over the tokens of ``tokenizer``, as ``import_tokenizer``.

    Classes are named by their numbers unless ``class_names`` are given.
    """
    chosen, weights = open_weights(Path(file), name)
    _check_kind(chosen, "prior")
    fields, state = chosen.convert(weights, _asked(chosen, weights, settings, config), tokenizer)
    tokens = {"tokens": tokenizer.saved.tokens, "grid": list(tokenizer.grid)}
    named = {} if class_names is None else {"class_names": list(class_names)}
    saved = _saved(chosen, weights, {"kind": "prior", **tokens, **fields, **named})
    assert isinstance(saved, SavedPrior)
    kind = PRIOR_KINDS[saved.prior]
    for text in saved.network.misfits(tokenizer.num_books, tokenizer.num_codes):
        raise ValueError(f"{file}: {text}")
    network = _filled(chosen, weights, lambda: kind.build(saved.network, saved.space), state)
    return Prior(network, saved, tokenizer)


def _check_kind(chosen: Format, wanted: str) -> None:
    if chosen.makes != wanted:
        raise ValueError(f"format {chosen.name}: holds a {chosen.makes}, not a {wanted}")


def _asked(
    chosen: Format, weights: Weights, settings: Mapping[str, int] | None, config: Mapping[str, Any] | None
) -> Asked:
    for name in settings or {}:
        if name not in chosen.asks:
            raise ValueError(f"format {chosen.name}: {unknown('setting', name, list(chosen.asks))}")
    return Asked(weights.file, settings or {}, config or {})


def _saved(chosen: Format, weights: Weights, fields: Mapping[str, Any]) -> SavedTokenizer | SavedPrior:
    said = {"format": FORMAT, "origin": origin(chosen.name, weights), **fields}
    return parse_saved(
        {name: plain(value) if is_dataclass(value) else value for name, value in said.items()}, str(weights.file)
    )


def _filled(chosen: Format, weights: Weights, build: Callable[[], Net], state: Mapping[str, Tensor]) -> Net:
    """Returns the network with the tensors of ``state``.

    Raises:
        ValueError: tensors left over, missing or of another shape.
    """
    weights.check_nothing_left(chosen.unused)
    check_tensors(build_outline(build), state, str(weights.file))
    network = build_unfilled(build)
    network.load_state_dict(state)
    return network
