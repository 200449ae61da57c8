"""Mean and deviation of latents, channel by channel."""

from collections.abc import Iterable

import numpy as np


def channel_statistics(chunks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and standard deviation (D,) float64 of latents (M, V, D, h, w) over rows, views and positions.

    Raises:
        ValueError: a channel that never changes, named: there is nothing to standardise.

    >>> mean, deviation = channel_statistics([np.array([1.0, 3.0]).reshape(2, 1, 1, 1, 1)])
    >>> mean.tolist(), deviation.tolist()
    ([2.0], [1.0])
    """
    number, total, squares, low, high = 0, 0.0, 0.0, np.inf, -np.inf
    for chunk in chunks:
        values = np.moveaxis(chunk, 2, 0).reshape(chunk.shape[2], -1).astype(np.float64)
        number += values.shape[1]
        total, squares = total + values.sum(1), squares + np.square(values).sum(1)
        low, high = np.minimum(low, values.min(1)), np.maximum(high, values.max(1))
    mean = np.asarray(total / number)
    for channel in np.flatnonzero(np.asarray(low == high)):
        raise ValueError(
            f"channel {channel} of the latents is {mean[channel]:.4g} everywhere: the encoder doesn't use it; train "
            "the tokenizer anew, or with a smaller latent_dim"
        )
    return mean, np.sqrt(np.maximum(squares / number - np.square(mean), 0))
