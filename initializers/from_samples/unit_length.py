"""Rows of unit length."""

import numpy as np
from numpy import ndarray

NEGLIGIBLE = 1e-6  # next to the longest


def to_unit_length(rows: ndarray) -> ndarray:
    """Divide rows by their lengths in place; rows negligible next to the longest become zero."""
    lengths = np.sqrt(np.einsum('ij,ij->i', rows, rows))
    vanish = lengths <= NEGLIGIBLE * lengths.max(initial=0)
    rows /= np.where(vanish, np.float32(np.inf), lengths)[:, None]
    return rows
