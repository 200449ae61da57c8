"""The trainings of priors: what they share, and what the networks are shown."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from configs.schema.ar_prior import ArPriorConfig
from configs.schema.training import OptimizerConfig, TrainingConfig
from datamodules.rows import ShardRows, TrainingRows
from datamodules.tokens import token_batch
from lit_modules.ar_prior import LitArPrior, replace_tokens
from lit_modules.prior import rank_weight
from smalti.config.priors import ArPriorNetworkConfig, LlamaConfig, SubTokenHeadConfig, TransformerConfig
from smalti.layers.frozen import Frozen
from smalti.losses.cross_entropy import linear_cross_entropy
from smalti.priors.causal import CausalPrior


def test_a_book_without_a_masked_token_counts_nothing() -> None:
    """In a small batch of several books it has 0 of 0 targets: a loss of 0, not the NaN that would skip the update."""
    features, weight = torch.randn(3, 4, requires_grad=True), torch.randn(5, 4, requires_grad=True)
    targets = torch.full((3,), -1)
    loss = rank_weight(targets) * linear_cross_entropy(features, weight, targets)
    loss.backward()
    assert loss.item() == 0 and features.grad is not None and features.grad.abs().sum() == 0
    assert rank_weight(torch.tensor([1, -1, 2])).item() == 1


def test_a_rank_weighs_by_its_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    """2 targets of 3 places, where the ranks have 4 on average."""
    monkeypatch.setattr("lit_modules.prior.all_mean", lambda number: torch.full_like(number, 4))
    assert rank_weight(torch.tensor([1, -1, 2])).item() == 0.5
    assert rank_weight(torch.tensor([0, 0, 2])).item() == 0.75


def ar_training(
    num_books: int, pkeep: float, monkeypatch: pytest.MonkeyPatch, split: tuple[int, ...] = ()
) -> tuple[LitArPrior, dict[str, Tensor]]:
    """Returns a training of a small network over 5 codes (or those of ``split``) at 4 positions, and where its loss is
    noted."""
    several = num_books > 1 or bool(split)
    head = SubTokenHeadConfig(kind="ar" if several else "linear", num_layers=1)
    backbone: Any = TransformerConfig(num_layers=1, num_heads=2, width=8, mlp_width=16, dropout=0)
    if several:
        backbone = LlamaConfig(num_layers=1, num_heads=2, width=8, mlp_width=16, dropout=0)
    config = ArPriorConfig(
        network=ArPriorNetworkConfig(transformer=backbone, head=head, split=split),
        training=TrainingConfig(updates=1, batch_size=3),
        optimizer=OptimizerConfig(lr=0.1),
        pkeep=pkeep,
    )
    network = CausalPrior(config.network, num_books, 2 ** sum(split) if split else 5, 4, 3)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.5)
    module = LitArPrior(network, config, 3, Frozen(nn.Identity()), (2, 2))  # type: ignore[arg-type]
    taken: dict[str, Tensor] = {}
    monkeypatch.setattr(module, "report", lambda terms, batch_size: taken.update(terms))
    monkeypatch.setattr(module, "optimise", lambda loss, batch_idx: taken.update(loss=loss))
    return module, taken


@pytest.mark.parametrize("num_books", [1, 2])
def test_random_inputs_and_true_targets(num_books: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """taming/models/cond_transformer.py: a token whose number isn't below pkeep is another one in the input alone. The
    loss is written out from the logits for that input; the validation's, for the true one."""
    module, taken = ar_training(num_books, 0.6, monkeypatch)
    tokens, noise = torch.randint(5, (3, num_books, 4)), torch.rand(3, 2, num_books, 4)
    batch = {"tokens": tokens, "labels": torch.tensor([0, 1, 2]), "noise": torch.rand(3, 2), "token_noise": noise}
    given = tokens.clone()
    for place in np.ndindex(3, num_books, 4):
        image, *rest = place
        if noise[image, 0][tuple(rest)] >= 0.6:
            given[place] = int(5 * float(noise[image, 1][tuple(rest)]))
    assert 0 < (given != tokens).sum() < tokens.numel()

    def expected(inputs: Tensor) -> Tensor:
        logs = module.network(inputs, batch["labels"]).double().log_softmax(-1)
        return -logs.gather(-1, tokens[..., None]).mean()

    module.training_step(batch, 0)
    torch.testing.assert_close(taken["loss"].double(), expected(given), rtol=1e-5, atol=0)
    assert abs(expected(given) - expected(tokens)) > 1e-3
    parts = [taken[f"train/loss/{book}"] for book in range(num_books if num_books > 1 else 0)]
    assert taken.keys() == {"loss", "train/loss", *(f"train/loss/{book}" for book in range(len(parts)))}
    assert not parts or float(sum(parts)) / num_books == pytest.approx(taken["train/loss"].item())
    module.ema.module.load_state_dict(module.network.state_dict())
    module.validation_step(batch, 0)
    torch.testing.assert_close(module.val_loss.compute().double(), expected(tokens), rtol=1e-5, atol=0)


def test_labels_are_dropped_by_a_number_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the first of an image's numbers: the second is the masked share of a NAR prior, which would come to depend on
    whether there is a label."""
    module, _ = ar_training(1, 1.0, monkeypatch)
    module.config = replace(module.config, label_dropout=0.5)
    shown: list[Tensor] = []
    predictions = module.predictions

    def seen(network: Any, batch: Any, labels: Tensor) -> list[Any]:
        shown.append(labels)
        return predictions(network, batch, labels)

    monkeypatch.setattr(module, "predictions", seen)
    noise = torch.tensor([[0.4, 0.9], [0.6, 0.1], [0.5, 0.5]])
    labels = torch.tensor([0, 1, 2])
    batch = {"tokens": torch.randint(5, (3, 1, 4)), "labels": labels, "noise": noise}
    batch["token_noise"] = torch.rand(3, 2, 1, 4)
    module.training_step(batch, 0)
    module.validation_step(batch, 0)
    assert [labels.tolist() for labels in shown] == [[3, 1, 2], [0, 1, 2]]


def test_the_loss_of_a_split_token_is_its_negative_log_likelihood(monkeypatch: pytest.MonkeyPatch) -> None:
    """In training and in validation, in nats a token of 8 codes, by an enumeration of all of them; so Open-MAGVIT2 adds
    its sub-tokens' losses up, where FQGAN's books are averaged."""
    module, taken = ar_training(1, 1.0, monkeypatch, split=(1, 2))
    tokens, labels = torch.randint(8, (3, 1, 4)), torch.tensor([0, 1, 2])
    batch = {"tokens": tokens, "labels": labels, "noise": torch.rand(3, 2), "token_noise": torch.rand(3, 2, 1, 4)}
    losses = []
    for position in range(4):
        likely = []
        for code in range(8):
            changed = tokens.clone()
            changed[:, 0, position] = code
            high, low = module.network(changed, labels)[:, :, position].double().softmax(-1).unbind(1)
            likely.append(high[:, code // 4] * low[:, code % 4])
        table = torch.stack(likely, 1)
        torch.testing.assert_close(table.sum(1), torch.ones(3).double())
        losses.append(-table.gather(1, tokens[:, 0, position, None]).log())
    expected = torch.stack(losses).mean()
    module.training_step(batch, 0)
    torch.testing.assert_close(taken["loss"].double(), expected, rtol=1e-5, atol=0)
    module.ema.module.load_state_dict(module.network.state_dict())
    module.validation_step(batch, 0)
    logged: dict[str, Tensor] = {}
    monkeypatch.setattr(module, "log_dict", logged.update)
    module.on_validation_epoch_end()
    torch.testing.assert_close(logged["val/loss"].double(), expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(logged["val/bits_per_token"].double(), expected / np.log(2), rtol=1e-5, atol=0)


def test_a_validation_counts_nothing_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    module, _ = ar_training(1, 1.0, monkeypatch)
    module.ema.module.load_state_dict(module.network.state_dict())
    logged: list[dict[str, Tensor]] = []
    monkeypatch.setattr(module, "log_dict", logged.append)
    codes = module.network.num_codes
    first, second = (
        {"tokens": torch.randint(codes, (3, 1, 4)), "labels": torch.tensor([0, 1, 2]), "noise": torch.rand(3, 2)}
        for _ in range(2)
    )
    for batch in (second, first, second):
        module.validation_step(batch, 0)
        module.on_validation_epoch_end()
    assert logged[0] == logged[2] and logged[0]["val/loss"] != logged[1]["val/loss"]


def test_pkeep_1_shows_the_true_tokens() -> None:
    tokens = torch.randint(5, (3, 2, 4))
    assert torch.equal(replace_tokens(tokens, torch.rand(3, 2, 2, 4), 1.0, 5), tokens)


def test_what_is_replaced_is_a_function_of_the_position(tmp_path: Path) -> None:
    """So that a resume, or another number of devices, replaces the same tokens; by any code alike, last ones too."""
    folder = tmp_path / "train"
    folder.mkdir()
    np.save(folder / "tokens-00000.npy", np.zeros((20, 1, 256), dtype=np.uint16))
    np.save(folder / "labels.npy", np.zeros(20, dtype=np.int64))
    first, second = (TrainingRows(ShardRows(tmp_path, "train", "tokens"), token_batch, seed=3) for _ in range(2))
    noise = torch.stack([first[position]["token_noise"] for position in range(400)])
    assert noise.shape == (400, 2, 1, 256)
    assert torch.equal(second[399]["token_noise"], noise[399]) and torch.equal(second[7]["token_noise"], noise[7])
    replaced = replace_tokens(torch.full((400, 1, 256), -1), noise, 0.8, 100_000)
    others = replaced[replaced >= 0]
    assert len(others) / replaced.numel() == pytest.approx(0.2, abs=0.005)
    assert 0 <= others.min() < 100 and 99_900 < others.max() < 100_000
    assert others.double().mean() == pytest.approx(50_000, rel=0.02)
