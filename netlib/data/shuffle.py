"""Random orders that can be known again from a seed, so that a place in one need not hold it."""

import numpy as np


def draw_seed(rng: np.random.Generator) -> int:
    """The seed of one pass."""
    return int(rng.integers(2**63))


def order(count: int, seed: int | list[int] | None) -> np.ndarray:
    """0 to count - 1, in the random order of `seed` where there is one."""
    return np.arange(count) if seed is None else np.random.default_rng(seed).permutation(count)
