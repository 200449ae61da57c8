"""What a compiled training must be: every part one graph, traced once."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch._dynamo.utils import counters

UPDATES = 4


def check_compiles_once(parts: Sequence[nn.Module], loss: Callable[[], Tensor]) -> None:
    """Each part is traced as a whole in the first update, and not again; what was traced runs by PyTorch itself.

    ``loss`` runs the network on a new batch.
    """
    torch._dynamo.reset()
    counters.clear()
    for part in parts:
        part.compile(backend="eager", fullgraph=True)
    made = []
    for _ in range(UPDATES):
        loss().backward()
        made.append(counters["stats"]["unique_graphs"])
    torch._dynamo.reset()
    assert made == [len(parts)] * UPDATES and not counters["graph_break"]
