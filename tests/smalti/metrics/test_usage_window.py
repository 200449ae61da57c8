"""Usage among a fixed number of tokens: closed forms, and the same on any number of ranks."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, distributed, multiprocessing

from smalti.metrics.usage_window import WINDOW, WindowUsage, place_of

IMAGES, BOOKS, CODES, SIDE, SMALL = 40, 2, 64, 4, 100  # 100 tokens are those of 6 images of 16, and 4 of a seventh


def drawn(images: int, books: int, codes: int, side: int) -> Tensor:
    return torch.randint(codes, (images, books, side, side), generator=torch.Generator().manual_seed(0))


def usage_on(rank: int, world: int) -> list[float]:
    """The usage that a rank reports, of every world-th image from its own on."""
    tokens = drawn(IMAGES, BOOKS, CODES, SIDE)
    metric = WindowUsage(BOOKS, CODES, SIDE**2, window=SMALL)
    for images in torch.arange(IMAGES)[rank::world].split(7):
        metric.update(images, tokens[images])
    return metric.compute()


def run_rank(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    torch.save(usage_on(rank, 2), f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.parametrize(("codes", "paper"), [(16_384, 0.98), (32_768, 0.84)])
def test_uniform_draws_hit_the_closed_form(codes: int, paper: float) -> None:
    """The share of K codes that n draws hit is 1 - (1 - 1/K)^n on average; FQGAN's Table 3 prints no more of either."""
    tokens = drawn(320, 1, codes, 16)[:, 0]
    metric = WindowUsage(1, codes, 256)
    for start in range(0, 320, 64):
        metric.update(torch.arange(start, start + 64), tokens[start : start + 64])
    expected = 1 - (1 - 1 / codes) ** WINDOW
    deviation = np.sqrt((1 - expected) * expected / codes)  # of independent codes; it is smaller still
    assert metric.compute() == [pytest.approx(expected, abs=4 * deviation)] and expected > paper - 0.005
    assert tokens.unique().numel() / codes > expected + 4 * deviation, "all 320 images hit more"


def test_the_window_is_of_the_first_images_of_a_fixed_shuffle() -> None:
    tokens = drawn(IMAGES, BOOKS, CODES, SIDE)
    shuffled = sorted(range(IMAGES), key=place_of)
    assert shuffled != list(range(IMAGES)), "the order of the data is that of classes"
    for book, found in enumerate(usage_on(0, 1)):
        row = np.concatenate([tokens[image, book].flatten().numpy() for image in shuffled])[:SMALL]
        assert found == len(set(row.tolist())) / CODES


def test_two_ranks_report_what_one_does(tmp_path: Path) -> None:
    multiprocessing.spawn(run_rank, args=(str(tmp_path),), nprocs=2)
    one = usage_on(0, 1)
    for rank in range(2):
        assert torch.load(tmp_path / f"{rank}.pt") == one


def test_too_few_tokens_give_no_figure() -> None:
    metric = WindowUsage(1, CODES, SIDE**2, window=SMALL)
    metric.update(torch.arange(6), drawn(6, 1, CODES, SIDE)[:, 0])
    assert np.isnan(metric.compute()).all()
    metric.update(torch.tensor([6]), drawn(1, 1, CODES, SIDE)[:, 0])
    assert not np.isnan(metric.compute()).any()
