"""Rows of unit length."""

import numpy as np


def to_unit_length(rows: np.ndarray) -> np.ndarray:
    """Divide rows by their lengths in place; rows that vanish beside the longest become zero."""
    lengths = np.sqrt(np.einsum('ij,ij->i', rows, rows))[:, None]
    vanish = lengths <= 1e-6 * lengths.max(initial=0)
    return np.divide(rows, np.where(vanish, np.inf, lengths), out=rows)
