"""Completing images: kept tokens stay, the others are drawn from what they are next to."""

import pytest
import torch
from torch import Tensor

from smalti.config.prior_kinds import PRIOR_KINDS
from tests.tiny_priors import SIDE, K, prior_of, some_tokens

UPPER = torch.arange(SIDE)[:, None].expand(SIDE, SIDE) < 2
HOLE = ~torch.zeros(SIDE, SIDE, dtype=torch.bool)
HOLE[1:3, 1:3] = False


@pytest.mark.parametrize("books", [1, 2])
@pytest.mark.parametrize(("kind", "keep"), [("ar", UPPER), ("nar", UPPER), ("nar", HOLE)], ids=["ar", "nar", "hole"])
def test_what_is_kept_stays_and_decides(kind: str, keep: Tensor, books: int) -> None:
    prior, tokens = prior_of(kind, books), some_tokens(books)
    found = prior.complete(tokens, keep, classes=["cat", 1, "cat"], seed=4)
    assert found.shape == tokens.shape and found.dtype == torch.int64
    assert torch.equal(found[..., keep], tokens[..., keep])
    assert int(found.min()) >= 0 and int(found.max()) < K
    assert torch.equal(prior.complete(tokens, keep, classes=["cat", 1, "cat"], seed=4, batch_size=2), found)
    other = tokens.where(~keep, (tokens + 1) % K)
    assert not torch.equal(
        prior.complete(other, keep, classes=["cat", 1, "cat"], seed=4)[..., ~keep], found[..., ~keep]
    )
    erased = tokens.where(keep, 0)
    assert torch.equal(prior.complete(erased, keep, classes=["cat", 1, "cat"], seed=4), found), "nothing else is seen"


@pytest.mark.parametrize("kind", ["ar", "nar"])
def test_all_and_nothing_kept(kind: str) -> None:
    """With nothing kept it is generation; with all kept nothing is drawn."""
    prior, tokens, nothing = prior_of(kind), some_tokens(), torch.zeros(SIDE, SIDE, dtype=torch.bool)
    labels = prior.labels([0, 1, 0])
    assert torch.equal(prior.complete(tokens, nothing, classes=[0, 1, 0], seed=4), prior.tokens(labels, seed=4))
    assert torch.equal(prior.complete(tokens, ~nothing, classes=[0, 1, 0]), tokens)


def test_an_ar_prior_goes_on_as_if_it_had_drawn_the_beginning() -> None:
    """Its own samples' upper halves, completed with the same noise, are the samples."""
    prior = prior_of("ar")
    tokens = prior.tokens(prior.labels([0, 1, 1]), seed=9)
    assert torch.equal(prior.complete(tokens, UPPER, classes=[0, 1, 1], seed=9), tokens)


def test_no_class_is_a_class_of_its_own() -> None:
    prior, tokens = prior_of("nar"), some_tokens()
    found = prior.complete(tokens, HOLE, seed=4)
    prior.network.classes.rows.weight.data[:2] = 9.0  # type: ignore[union-attr]
    assert torch.equal(prior.complete(tokens, HOLE, seed=4), found)


@pytest.mark.parametrize(
    ("kind", "change", "expected"),
    [
        ("ar", {"keep": HOLE}, "keep: an autoregressive prior goes on from where the kept tokens end"),
        ("nar", {"keep": HOLE[:3]}, "both need (4, 4) positions, and keep is bool"),
        ("nar", {"keep": HOLE.long()}, "both need (4, 4) positions, and keep is bool"),
        ("nar", {"tokens": torch.full((3, 4, 4), K)}, "5"),
        ("nar", {"classes": ["cat"]}, "classes: 1 given for 3 images"),
        ("nar", {"classes": ["cow"] * 3}, "unknown class 'cow'"),
    ],
)
def test_what_is_refused(kind: str, change: dict[str, Tensor], expected: str) -> None:
    words = {"tokens": some_tokens(), "keep": HOLE, "classes": [0, 1, 0], **change}
    with pytest.raises(ValueError) as error:
        prior_of(kind).complete(**words)  # type: ignore[arg-type]
    assert expected in str(error.value)


def test_a_prior_that_never_saw_no_class() -> None:
    with pytest.raises(ValueError, match="never trained without labels; name one for each image"):
        prior_of("nar", label_dropout=0.0).complete(some_tokens(), HOLE)


@pytest.mark.parametrize("kind", ["ldm", "dit", "sit"])
def test_priors_over_latents_keep_no_tokens(kind: str) -> None:
    with pytest.raises(ValueError, match="draws latents, of which no token can be kept"):
        PRIOR_KINDS[kind].make_sampler(None, None, 0, object())
