"""LeCAM against its formula, written out in Python."""

from pathlib import Path

import pytest
import torch
from torch import multiprocessing

from smalti.losses.lecam import LeCam


def expected_penalty(real: list[float], fake: list[float], of_real: float, of_fake: float) -> float:
    above = [max(0.0, logit - of_fake) ** 2 for logit in real]
    below = [max(0.0, of_real - logit) ** 2 for logit in fake]
    return sum(above) / len(above) + sum(below) / len(below)


def test_three_batches() -> None:
    lecam, of_real, of_fake = LeCam(0.9), 0.0, 0.0
    for real, fake in (([2.0, 4.0, -1.0], [-3.0, 1.0]), ([0.5, 0.1, 7.0], [0.2, -0.2]), ([-5.0, 1.0, 1.0], [6.0, 8.0])):
        found = lecam(torch.tensor(real), torch.tensor(fake))
        of_real = 0.9 * of_real + 0.1 * sum(real) / 3
        of_fake = 0.9 * of_fake + 0.1 * sum(fake) / 2
        assert found.item() == pytest.approx(expected_penalty(real, fake, of_real, of_fake))
    assert lecam.averages.tolist() == pytest.approx([of_real, of_fake])


def test_its_gradient_draws_the_logits_to_the_averages() -> None:
    lecam = LeCam(0.999)
    lecam.averages.copy_(torch.tensor([1.0, -1.0]))
    real, fake = torch.tensor([3.0, -2.0], requires_grad=True), torch.tensor([0.0, 2.0], requires_grad=True)
    lecam(real, fake).backward()
    assert real.grad is not None and fake.grad is not None
    of_real, of_fake = lecam.averages.tolist()
    assert real.grad.tolist() == pytest.approx([3.0 - of_fake, 0.0])
    assert fake.grad.tolist() == pytest.approx([-of_real, 0.0])


def test_logits_that_are_not_finite_leave_no_trace() -> None:
    lecam = LeCam(0.9)
    lecam.averages.copy_(torch.tensor([1.0, -1.0]))
    assert lecam(torch.tensor([float("nan"), 1.0]), torch.tensor([0.0])).isnan()
    assert lecam.averages.tolist() == [1.0, -1.0]


def test_the_averages_are_saved() -> None:
    one, other = LeCam(0.9), LeCam(0.9)
    one(torch.ones(3), torch.zeros(3))
    other.load_state_dict(one.state_dict())
    assert torch.equal(other.averages, one.averages) and other.averages[0] > 0


def on_a_rank(rank: int, folder: str) -> None:
    torch.distributed.init_process_group("gloo", f"file://{folder}/meeting", world_size=2, rank=rank)
    lecam = LeCam(0.5)
    lecam(torch.tensor([1.0, 2.0]) + 10 * rank, torch.tensor([-4.0]) * rank)
    torch.save(lecam.averages, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_ranks_keep_the_averages_of_both(tmp_path: Path) -> None:
    multiprocessing.spawn(on_a_rank, (str(tmp_path),), nprocs=2)
    for rank in range(2):
        assert torch.load(tmp_path / f"{rank}.pt").tolist() == pytest.approx([0.5 * 6.5, 0.5 * -2.0])
