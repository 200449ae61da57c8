"""Parameters of the layers that all networks are made of, by closed form, and a network's count with its source."""

from dataclasses import dataclass


def linear(inputs: int, outputs: int, bias: bool = True) -> int:
    return outputs * (inputs + bias)


def conv(inputs: int, outputs: int, kernel: int = 3, bias: bool = True) -> int:
    return outputs * (inputs * kernel**2 + bias)


def norm(width: int) -> int:
    return 2 * width


def residual(inputs: int, outputs: int, bias: bool = True) -> int:
    """norm, conv, norm, conv; a 1 x 1 convolution of the input where the widths differ."""
    shortcut = conv(inputs, outputs, 1, bias) if inputs != outputs else 0
    return (
        norm(inputs) + conv(inputs, outputs, bias=bias) + norm(outputs) + conv(outputs, outputs, bias=bias) + shortcut
    )


def map_attention(width: int) -> int:
    return norm(width) + 4 * conv(width, width, 1)


def transformer_layer(width: int, mlp: int) -> int:
    return 2 * norm(width) + 4 * linear(width, width) + linear(width, mlp) + linear(mlp, width)


@dataclass(frozen=True)
class Network:
    """A network's parameters, where the number is from, and the same by closed form."""

    count: int
    source: str
    closed_form: int


BUILT = "released code, built on the meta device"
