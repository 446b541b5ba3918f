"""Random orders that depend only on a seed, so a position can be saved without the order."""

import numpy as np

from ..rng import Rng


def draw_seed(rng: Rng) -> int:
    """The seed of one pass."""
    return int(rng.integers(2**63))


Order = np.ndarray | range


def order(count: int, seed: int | list[int] | None) -> Order:
    """0 to count - 1, in the random order of `seed` if it is given."""
    if seed is None:
        return range(count)
    return np.random.default_rng(seed).permutation(count)
