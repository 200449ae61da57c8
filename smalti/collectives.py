"""Sums, means and gathers over ranks; the identity on one. No gradient passes but where it is said."""

import torch
from torch import Tensor, distributed
from torch.distributed.nn.functional import all_reduce


def differentiable_mean(value: Tensor) -> Tensor:
    """Returns the mean of ``value`` over all ranks, on each of them; its gradient passes to each."""
    if distributed.is_available() and distributed.is_initialized():
        return all_reduce(value) / distributed.get_world_size()
    return value


def several_ranks() -> bool:
    """Returns whether a process group of more than one rank is up."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


@torch.no_grad()
def all_sum(value: Tensor) -> Tensor:
    """Returns the sum of ``value`` over all ranks, on each of them; ``value`` itself becomes it."""
    if several_ranks():
        distributed.all_reduce(value)
    return value


@torch.no_grad()
def all_mean(value: Tensor) -> Tensor:
    """Returns the mean of ``value`` over all ranks, on each of them; ``value`` itself becomes the sum."""
    return all_sum(value) / distributed.get_world_size() if several_ranks() else value


@torch.no_grad()
def gather_rows(rows: Tensor) -> Tensor:
    """Returns the rows (N, D) of all ranks, in the order of the ranks, (sum of N, D); every rank must have N rows."""
    if not several_ranks():
        return rows
    parts = [torch.empty_like(rows) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, rows.contiguous())
    return torch.cat(parts)


@torch.no_grad()
def gather_all(rows: Tensor) -> Tensor:
    """Returns the rows (N, ...) of all ranks, in the order of the ranks; each may have another number of them."""
    if not several_ranks():
        return rows
    own = torch.tensor([len(rows)], device=rows.device)
    numbers = gather_rows(own).tolist()
    longest = max(numbers)
    padded = gather_rows(torch.cat([rows, rows.new_zeros(longest - len(rows), *rows.shape[1:])]))
    return torch.cat([padded[rank * longest :][:number] for rank, number in enumerate(numbers)])
