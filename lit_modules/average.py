"""Exponential moving average of a network's weights."""

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """Returns a frozen copy of ``network``, which ``update_parameters`` moves towards it.

    The decay at update t is min(decay, (1 + t) / (10 + t)), the warm-up of TensorFlow's moving average, so that the
    average of a short run doesn't remember its start. At decay 0 the copy is the network itself after every update, to
    the bit: nothing is averaged. Buffers are copied.
    """

    def move(average: Tensor, current: Tensor, number: Tensor | int) -> Tensor:
        t = float(number)
        return current.lerp(average, min(decay, (1 + t) / (10 + t)))

    return AveragedModel(network, avg_fn=move).requires_grad_(False).eval()
