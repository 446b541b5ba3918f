"""Numbers for cases: few digits each, so that records are short and exact."""

import numpy as np


def numbers(seed: int, *shape: int) -> np.ndarray:
    """Normal numbers of two decimals."""
    return np.round(np.random.default_rng(seed).standard_normal(shape), 2)
