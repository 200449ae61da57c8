"""Priors of random weights over 4 x 4 tokens of a tokenizer of random weights."""

import torch
from torch import Tensor

from smalti import Prior, Tokenizer
from smalti.config.autoencoders import VqganConfig
from smalti.config.codebooks import FactorisedConfig, LearnedCodebookConfig, LearnedCosineConfig, QuantizerConfig
from smalti.config.parsing import plain
from smalti.config.prior_kinds import PRIOR_KINDS, TokenSpace
from smalti.config.priors import ArPriorNetworkConfig, NarPriorNetworkConfig, TransformerConfig
from smalti.config.saved import Origin, SavedPrior, SavedTokenizer, parse_saved
from smalti.tokenizer import build_tokenizer

K, SIDE = 5, 4
ORIGIN = Origin(stage="tokenizer", key="k", digest="d")
GPT = TransformerConfig(num_layers=1, num_heads=2, width=16, mlp_width=32, dropout=0.0)
NETWORKS = {"ar": ArPriorNetworkConfig(transformer=GPT), "nar": NarPriorNetworkConfig(transformer=GPT)}


def prior_of(kind: str, books: int = 1, label_dropout: float = 0.1) -> Prior:
    """A prior, ar or nar; sharp, so that what it sees decides what it draws."""
    quantizer: QuantizerConfig = LearnedCodebookConfig(num_codes=K)
    if books > 1:
        quantizer = FactorisedConfig(book=LearnedCosineConfig(num_codes=K))
    shape = VqganConfig(widths=(8, 8), num_blocks=1, attention_levels=(), latent_dim=4, norm_groups=4)
    told = SavedTokenizer(
        autoencoder=shape, quantizer=quantizer, image_size=2 * SIDE, num_codes=K, tokens="t", origin=ORIGIN
    )
    space = TokenSpace(num_books=books, num_codes=K, num_tokens=SIDE**2, num_classes=2)
    said = {
        "kind": "prior", "format": 1, "prior": kind, "network": plain(NETWORKS[kind]), "settings": {},
        "space": plain(space), "grid": [SIDE, SIDE], "class_names": ["cat", "dog"], "label_dropout": label_dropout,
        "tokens": "t", "origin": plain(ORIGIN),
    }  # fmt: skip
    saved = parse_saved(said, "test")
    assert isinstance(saved, SavedPrior)
    torch.manual_seed(1)
    network = PRIOR_KINDS[kind].build(saved.network, saved.space)
    for value in network.parameters():
        torch.nn.init.normal_(value, std=0.7)
    tokenizer = Tokenizer(build_tokenizer(told), told)
    for table in tokenizer.network.quantizer.buffers():  # zeros, until they are loaded
        torch.nn.init.normal_(table, std=0.2)  # as the random encoder's latents are spread
    return Prior(network, saved, tokenizer)


def some_tokens(books: int = 1, seed: int = 0) -> Tensor:
    """Tokens of three images."""
    shape = (3, *((books,) if books > 1 else ()), SIDE, SIDE)
    return torch.randint(K, shape, generator=torch.Generator().manual_seed(seed))
