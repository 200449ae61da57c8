"""Networks whose weights are shared out among the ranks (FSDP2): each rank keeps a part of every tensor.

A block's weights are gathered before it runs and given back behind it; those outside of blocks (embeddings, norms,
output layers) are gathered by the first call and stay until the backward pass is over, or until ``give_back``.
"""

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor

from smalti.layers.recomputed import repeated_blocks


def share_out(network: nn.Module, mesh: DeviceMesh) -> None:
    """Leaves a part of each weight of ``network`` on each rank of ``mesh``; before that all get those of rank 0.

    ``network.entries`` names the methods beside ``forward`` that are called from outside: weights are gathered for them
    too.
    """
    device = torch.device(mesh.device_type, torch.cuda.current_device()) if mesh.device_type == "cuda" else "cpu"
    for weight in network.parameters():
        first = weight.detach().to(device)
        distributed.broadcast(first, 0)
        weight.data.copy_(first)
    for block in repeated_blocks(network):
        fully_shard(block, mesh=mesh)
    fully_shard(network, mesh=mesh, reshard_after_forward=False)
    for name in getattr(network, "entries", ()):
        register_fsdp_forward_method(network, name)


def give_back(network: nn.Module) -> None:
    """Keeps no more than this rank's part: weights gathered for a forward pass can't be updated."""
    for module in network.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def whole(value: Tensor) -> Tensor:
    """Returns a tensor that is shared out as one, on every rank, which all must call; any other as it is."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def collected(state: Any, keep: bool) -> Any:
    """Returns dicts and lists in which each tensor that is shared out is whole and on the CPU; empty unless ``keep``,
    since one rank alone needs the room. All ranks must call it."""
    if isinstance(state, dict):
        return {name: collected(value, keep) for name, value in state.items()}
    if isinstance(state, list | tuple):
        return [collected(value, keep) for value in state]
    if not isinstance(state, DTensor):
        return state
    found = state.full_tensor()
    return found.cpu() if keep else found.new_empty(0)


def part_for(weight: Tensor, value: Any) -> Any:
    """Returns this rank's part of ``value``, a tensor of the shape of ``weight`` that belongs to it, such as Adam's
    moments; anything else as it is."""
    if not (isinstance(weight, DTensor) and isinstance(value, Tensor) and value.shape == weight.shape):
        return value
    return distribute_tensor(value.to(weight.device), weight.device_mesh, weight.placements, src_data_rank=None)
