"""Arrays of any length, cut into batches of a net's size, and what the batches give, put together
again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from .net_view import Dict

Arrays = Mapping[str, np.ndarray]


def batches_of(arrays: Arrays, size: int) -> Iterator[dict[str, np.ndarray]]:
    """The arrays (N, ...) in batches of `size`, the last one filled up with zeros."""
    for begin in range(0, length(arrays), size):
        end = begin + size
        yield {name: filled_up(array[begin:end], size) for name, array in arrays.items()}


def filled_up(part: np.ndarray, size: int) -> np.ndarray:
    """The array with zeros behind it, up to `size`."""
    part = np.asarray(part)
    missing = size - len(part)
    zeros = np.zeros((missing, *part.shape[1:]), part.dtype)
    return np.concatenate([part, zeros])


def length(arrays: Arrays) -> int:
    """The length of the longest array; 0 for none."""
    return max(map(len, arrays.values()), default=0)


class Gathered:
    """What batch after batch gives, by name."""

    def __init__(self) -> None:
        self.parts: dict[str, list[np.ndarray]] = {}

    def add(self, arrays: Arrays) -> None:
        """Copy what one batch gives."""
        for name, array in arrays.items():
            self.parts.setdefault(name, []).append(np.array(array, ndmin=1))

    def arrays(self, count: int) -> Dict[str, np.ndarray]:
        """Each one whole, cut to the length of what was given: the rest belongs to the zeros."""
        whole: Dict[str, np.ndarray] = Dict()
        for name, parts in self.parts.items():
            whole[name] = np.concatenate(parts)[:count]
        return whole
