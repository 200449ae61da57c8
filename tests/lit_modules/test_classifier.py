"""The training of the classifier: layer-wise rates by MAE's rule, the loss of a blend, what validation counts."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchmetrics.functional.classification import multiclass_accuracy

from configs.schema.classifier import ClassifierConfig, LayerDecayOptimizerConfig
from configs.schema.training import TrainingConfig
from lit_modules.classifier import LitClassifier, layer_multiplier
from lit_modules.schedule import learning_rate
from smalti.classifiers.code_vit import code_vit
from smalti.codebooks import FrozenCodebook
from smalti.codebooks.residual import ResidualCodebooks
from smalti.config.classifier import CodeVitConfig
from smalti.layers.frozen import Frozen

CLASSES = 7


def training(num_books: int = 1, num_classes: int = CLASSES, **settings: Any) -> LitClassifier:
    """Returns a training of a small network with 3 blocks over 5 codes of 4 channels on a grid of 2 x 3."""
    config = ClassifierConfig(
        network=CodeVitConfig(num_layers=3, num_heads=2, width=8, mlp_width=16, drop_path=0),
        training=TrainingConfig(updates=4, batch_size=6, ema_decay=0),
        optimizer=LayerDecayOptimizerConfig(
            lr=0.1, weight_decay=0.05, layer_decay=0.65, warmup=2, decay="cosine", end_lr=1e-6
        ),
        **settings,
    )
    books: Any = FrozenCodebook.of(torch.randn(5, 4))
    if num_books > 1:
        books = ResidualCodebooks([FrozenCodebook.of(torch.randn(5, 4)) for _ in range(num_books)], num_books)
    network = code_vit(config.network, 4, (2, 3), num_classes)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    return LitClassifier(network, config, num_classes, Frozen(books), (2, 3))


def batch_of(number: int, num_books: int = 1) -> dict[str, Tensor]:
    """Returns random pairs of token maps."""
    maps = [torch.randint(5, (number, num_books, 6)) for _ in range(2)]
    labels = [torch.randint(CLASSES, (number,)) for _ in range(2)]
    return {
        "tokens": maps[0], "labels": labels[0], "partner_tokens": maps[1], "partner_labels": labels[1],
        "share": torch.rand(number),
    }  # fmt: skip


def maes_layer(name: str, num_layers: int) -> int:
    """get_layer_id_for_vit in util/lr_decay.py of MAE."""
    if name in ("cls_token", "pos_embed"):
        return 0
    if name.startswith("patch_embed"):
        return 0
    if name.startswith("blocks"):
        return int(name.split(".")[1]) + 1
    return num_layers


def test_multipliers_are_maes() -> None:
    """param_groups_lrd: num_layers is the number of blocks + 1, the scale of layer i 0.65^(num_layers - i)."""
    with torch.device("meta"):
        network = timm.create_model("vit_base_patch16_224", global_pool="avg")
    num_layers = len(network.blocks) + 1
    scales = [0.65 ** (num_layers - i) for i in range(num_layers + 1)]
    names = [name for name, _ in network.named_parameters()]
    assert len(names) > 150
    for name in names:
        assert layer_multiplier(name, 12, 0.65) == pytest.approx(scales[maes_layer(name, num_layers)]), name
    assert layer_multiplier("patch_embed.proj.weight", 12, 0.65) == pytest.approx(0.65**13)
    assert layer_multiplier("fc_norm.bias", 12, 0.65) == 1


def test_every_update_has_the_rate_of_its_layer_and_decays_what_mae_decays(tmp_path: Path) -> None:
    """Group by group after three updates of a real training; MAE decays all but vectors, positions and class token."""
    module = training(mixup=0.0)
    trainer = Trainer(
        max_steps=3, max_epochs=-1, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    loader = DataLoader([{"tokens": torch.randint(5, (1, 6)), "labels": torch.tensor(i % 7)} for i in range(18)], 6)  # type: ignore[arg-type]
    trainer.fit(module, loader)
    (optimizer,) = trainer.optimizers
    names = {id(parameter): name for name, parameter in module.network.named_parameters()}
    rate, seen = learning_rate(module.config.optimizer, 2, 4), set()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            name = names[id(parameter)]
            assert group["lr"] == pytest.approx(rate * 0.65 ** (4 - maes_layer(name, 4))), name
            decays = parameter.ndim > 1 and name not in ("cls_token", "pos_embed")
            assert group["weight_decay"] == (0.05 if decays else 0), name
            seen.add(name)
    assert seen == set(names.values())


def loss_of(module: LitClassifier, batch: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> Tensor:
    taken: dict[str, Tensor] = {}
    monkeypatch.setattr(module, "report", lambda terms, batch_size: None)
    monkeypatch.setattr(module, "optimise", lambda loss, batch_idx: taken.update(loss=loss))
    module.training_step(batch, 0)
    return taken["loss"]


@pytest.mark.parametrize("num_books", [1, 2])
def test_a_blend_is_of_embedded_positions_and_of_targets(num_books: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written out: the patch embedding of each image, their blend, the rest of the network; two smoothed losses."""
    module, batch = training(num_books, label_smoothing=0.2), batch_of(6, num_books)
    found = loss_of(module, batch, monkeypatch).double()
    network, books = module.network, module.quantizer.network
    tables = [book.codebook for book in getattr(books, "books", [books])]

    def embedded(tokens: Tensor) -> Tensor:
        vectors = torch.stack([table[tokens[:, i]] for i, table in enumerate(tables)]).sum(0)  # (B, N, D)
        return F.linear(vectors, network.patch_embed.proj.weight.flatten(1), network.patch_embed.proj.bias)

    share = batch["share"][:, None, None]
    x = share * embedded(batch["tokens"]) + (1 - share) * embedded(batch["partner_tokens"])
    x = torch.cat([network.cls_token.expand(6, -1, -1), x], 1) + network.pos_embed
    logs = network.head(network.fc_norm(network.blocks(x)[:, 1:].mean(1))).double().log_softmax(1)
    expected = []
    for i in range(6):
        own, other = (-0.8 * logs[i, batch[name][i]] - 0.2 * logs[i].mean() for name in ("labels", "partner_labels"))
        expected.append(batch["share"][i] * own + (1 - batch["share"][i]) * other)
    torch.testing.assert_close(found, torch.stack(expected).mean().double(), rtol=1e-5, atol=1e-6)
    alone = loss_of(module, {name: batch[name] for name in ("tokens", "labels")}, monkeypatch)
    assert abs(alone - found) > 1e-3


def test_validation_counts_over_all_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The averaged weights' loss without smoothing, top-1 and top-5, over batches of unlike sizes."""
    module = training()
    module.ema.module.load_state_dict({name: value + 0.1 for name, value in module.network.state_dict().items()})
    batches, logged = [batch_of(64), batch_of(9)], dict[str, Tensor]()
    monkeypatch.setattr(module, "log_dict", logged.update)
    module.validation_step(batch_of(30), 0)
    module.on_validation_epoch_end()  # of a validation before, which counts no more
    for number, batch in enumerate(batches):
        module.validation_step(batch, number)
    module.on_validation_epoch_end()
    labels = torch.cat([batch["labels"] for batch in batches])
    vectors = [module.quantizer.network.decode(batch["tokens"].view(-1, 2, 3)) for batch in batches]
    logits = module.averaged_network(torch.cat(vectors))
    assert logged.keys() == {"val/loss", "val/top1", "val/top5"}
    torch.testing.assert_close(logged["val/loss"], F.cross_entropy(logits, labels))
    for k in (1, 5):
        expected = multiclass_accuracy(logits, labels, num_classes=CLASSES, average="micro", top_k=k)
        torch.testing.assert_close(logged[f"val/top{k}"], expected)


def test_five_classes_have_no_top_5() -> None:
    assert list(training(num_classes=5).val_top) == ["1"] and list(training(num_classes=6).val_top) == ["1", "5"]


def test_the_codebook_is_in_no_checkpoint() -> None:
    module = training()
    assert not [name for name in module.state_dict() if "codebook" in name or "quantizer" in name]
    assert not [name for name, _ in module.named_parameters() if "codebook" in name]
