"""Rows of unit length."""

import numpy as np
from numpy import ndarray


def to_unit_length(rows: ndarray) -> ndarray:
    """Divide rows by their lengths in place; rows negligible next to the longest become zero."""
    lengths = np.sqrt(np.einsum('ij,ij->i', rows, rows))
    rows /= real_lengths(lengths)[:, None]
    return rows


def real_lengths(lengths: ndarray) -> ndarray:
    """The lengths, of which those negligible next to the longest are infinite."""
    vanish = lengths <= 1e-6 * lengths.max(initial=0)
    return np.where(vanish, np.float32(np.inf), lengths)
