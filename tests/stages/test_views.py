"""Stage views on smoke's results."""

import json

import pytest
import torch

import smalti
from configs.schema.views import ViewsConfig
from smalti.artifact import Artifact
from smalti.metrics.reconstruction import peak_signal_to_noise
from stages.results.published import open_index
from stages.results.view_images import spread_batches, spread_images


def test_its_figures_are_those_of_the_library(smoke: dict[str, Artifact]) -> None:
    views, config = smoke["views"], smoke["views"].config
    figures = json.loads(views.file("views.json").read_text())
    val = spread_images(open_index(smoke["data"]), "val", config["measured_images"])
    assert val.labels is not None
    tokenizer = smalti.Tokenizer.load(smoke["decoder"].path)
    tokens = tokenizer.encode(val.images)
    psnr = peak_signal_to_noise(tokenizer.decode(tokens), val.images).mean().item()
    assert figures["replaced_psnr"]["0"] == pytest.approx(psnr, abs=1e-4)
    assert figures["replaced_psnr"].keys() == {"0", *(str(rank) for rank in config["ranks"])}
    prior = smalti.Prior.load(smoke["ar_prior"].path, tokenizer)
    logits = prior.network(tokens.flatten(1)[:, None], val.labels)[:, 0]
    share = (logits.argmax(-1) == tokens.flatten(1)).double().mean().item()
    assert figures["ranked_first"] == [pytest.approx(share, abs=1e-6)]


def test_the_report_shows_every_view(smoke: dict[str, Artifact]) -> None:
    page = smoke["report"].file("report.html").read_text()
    titles = smoke["views"].facts["sections"]
    assert titles == [
        "What the AR prior expects", "Tokens replaced by near codes", "Usage by epoch", "Codes on a plane",
        "Token viewer",
    ]  # fmt: skip
    assert all(f'">{title}</h2>' in page for title in titles)


def test_images_are_spread_over_the_split_in_batches_of_any_size(smoke: dict[str, Artifact]) -> None:
    index = open_index(smoke["data"])
    whole = spread_images(index, "train", 7)
    parts = list(spread_batches(index, "train", 7, 3))
    assert [len(part.images) for part in parts] == [3, 3, 1]
    assert torch.equal(torch.cat([part.images for part in parts]), whole.images)
    assert whole.labels is not None and len(whole.labels.unique()) > 1


def test_defaults_are_the_papers_ranks() -> None:
    assert ViewsConfig().ranks == (1, 50, 100, 1000)
