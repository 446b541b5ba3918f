"""Rows of unit length."""

import numpy as np
from numpy import ndarray


def to_unit_length(rows: ndarray) -> ndarray:
    """Divide rows by their lengths in place; rows negligible next to the longest become zero."""
    lengths = np.sqrt(np.einsum('ij,ij->i', rows, rows))
    vanish = lengths <= 1e-6 * lengths.max(initial=0)
    lengths[vanish] = np.inf
    rows /= lengths[:, None]
    return rows
