"""Many random numbers at once, drawn on all processors, but determined by the generator alone."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ..netlib.machine import host_zeros
from ..netlib.shapes import Shape

BLOCK = 1 << 18  # numbers drawn by one thread at a time

Draw = Callable[[Generator, ndarray], None]


def uniform(shape: Shape, rng: Generator, low: float = 0, high: float = 1) -> ndarray:
    """U(low, high) in float32."""

    def draw(rng: Generator, block: ndarray) -> None:
        rng.random(out=block, dtype=np.float32)
        block *= np.float32(high - low)
        block += np.float32(low)

    return _drawn(shape, rng, draw)


def normal(
    shape: Shape, rng: Generator, mean: float = 0, std: float = 1, out: ndarray | None = None
) -> ndarray:
    """N(mean, std^2) in float32; in the contiguous array `out`, if there is one."""

    def draw(rng: Generator, block: ndarray) -> None:
        rng.standard_normal(out=block, dtype=np.float32)
        block *= np.float32(std)
        block += np.float32(mean)

    return _drawn(shape, rng, draw, out)


def _drawn(shape: Shape, rng: Generator, draw: Draw, out: ndarray | None = None) -> ndarray:
    """Draw block i with the i-th generator of one seed, on any thread, so the numbers do not depend
    on the number of threads."""
    if out is None:
        out = host_zeros(shape, np.float32)
    seed = int(rng.integers(2**63))
    flat = out.reshape(-1)
    blocks: list[ndarray] = []
    generators = []
    for start in range(0, flat.size, BLOCK):
        generators.append(np.random.default_rng([seed, len(blocks)]))
        blocks.append(flat[start : start + BLOCK])
    workers = min(os.cpu_count() or 1, len(blocks))
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        list(pool.map(draw, generators, blocks))  # NumPy releases the GIL while drawing
    return out
