"""What an AR prior ranks first, against the path by which it samples: one token at a time, with caches."""

import pytest
import torch
from torch import Tensor

from smalti.config.priors import ArPriorNetworkConfig, LlamaConfig, SubTokenHeadConfig, TransformerConfig
from smalti.layers.transformer import empty_caches
from smalti.priors.causal import CausalPrior
from smalti.views import teacher_forcing
from smalti.views.teacher_forcing import most_likely

K, N = 16, 9
GPT = TransformerConfig(num_layers=2, num_heads=2, width=16, mlp_width=32, dropout=0)
LLAMA = LlamaConfig(num_layers=2, num_heads=2, width=16, mlp_width=32, dropout=0)
PRIORS = {
    "one book": (ArPriorNetworkConfig(transformer=GPT), 1),
    "two books": (ArPriorNetworkConfig(transformer=LLAMA, head=SubTokenHeadConfig(kind="ar", num_layers=1)), 2),
    "a split token": (ArPriorNetworkConfig(transformer=GPT, split=(1, 3)), 1),
}


def one_by_one(prior: CausalPrior, tokens: Tensor, labels: Tensor) -> Tensor:
    """The same by ``start``, ``advance`` and ``sub_logits``, given the true token after each step."""
    weight = prior.outputs.weights()[0]
    caches = empty_caches(weight, len(tokens), 2, 2, N + 1)
    parts, found = prior.sub_tokens(tokens), []
    feature = prior.start(labels, caches)
    for place in range(N):
        head, previous, best = prior.heads.new_caches(len(tokens)), None, []
        for number in range(prior.num_sub_tokens):
            best.append(prior.sub_logits(number, feature, previous, head).argmax(-1))
            previous = parts[:, number, place]
        found.append(torch.stack(best, dim=1))
        if place + 1 < N:
            feature = prior.advance(parts[:, :, place], caches)
    return prior.division.join(torch.stack(found, dim=2))


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("held", [1, 2**24])
def test_it_is_what_sampling_ranks_first_after_the_true_tokens(
    name: str, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher_forcing, "LOGITS", held)  # 1: a row of logits at a time
    config, num_books = PRIORS[name]
    torch.manual_seed(0)
    prior = CausalPrior(config, num_books, K, N, 3)
    for parameter in prior.parameters():
        if parameter.ndim > 1:  # biases of one size would drown what comes from the tokens
            torch.nn.init.normal_(parameter)
    prior = prior.double().eval().requires_grad_(False)
    tokens, labels = torch.randint(K, (5, num_books, N)), torch.tensor([0, 1, 2, 3, 0])
    found = most_likely(prior, tokens, labels)
    assert found.shape == tokens.shape and torch.equal(found, one_by_one(prior, tokens, labels))
    assert len(found.unique()) > 3
