"""Random matrices with orthonormal rows or columns, drawn uniformly (by Haar's measure)."""
import numpy as np

from ..netlib.errors import NetError
from ..netlib.shapes import Shape

# Cholesky-QR squares the condition number, and float32 bears that up to about 1e3. A Gaussian matrix that is
# this much longer than it has rows, and not tiny, stays far below: (sqrt(LONG) + 1) / (sqrt(LONG) - 1) = 18.
LONG = 1.25
TINY = 128


def orthonormal(shape: Shape, rng: np.random.Generator, groups: int = 1) -> np.ndarray:
    """Float32 weights of `shape` (out, in, ...), an orthonormal (out / groups, fan_in) matrix in each group.

    Rows are orthonormal, or columns where a group has more outputs than inputs (Saxe et al. 2014): the Q of a
    Gaussian matrix, with R's diagonal made positive, hence Haar-distributed. max |Q Q^T - I| < 1e-5.
    Raises NetError when `groups` does not divide the outputs.
    """
    if shape[0] % groups:
        raise NetError(f'orthonormal: groups: {groups} must divide the {shape[0]} outputs of {tuple(shape)}')
    weights = np.empty((groups, shape[0] // groups, int(np.prod(shape[1:]))), np.float32)
    for matrix in weights:
        rows, columns = matrix.shape
        if rows <= columns:
            matrix[:] = _orthonormal_rows(rows, columns, rng)
        else:
            matrix[:] = _orthonormal_rows(columns, rows, rng).T
    return weights.reshape(shape)


def _orthonormal_rows(count: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """(count, length) with orthonormal rows, count <= length."""
    gaussian = rng.standard_normal((count, length), np.float32)
    if count > TINY and length > LONG * count:
        return _by_cholesky(gaussian)
    return _by_householder(gaussian)


def _by_cholesky(matrix: np.ndarray) -> np.ndarray:
    """Orthonormalise the rows in place: A A^T = L L^T, A := L^-1 A, twice to reach the last bit.

    L's diagonal is positive by definition: no sign is left to fold in.
    """
    from scipy.linalg import blas, cholesky
    for _ in range(2):
        lower = cholesky(matrix @ matrix.T, lower=True, overwrite_a=True, check_finite=False)
        # A C-ordered matrix is BLAS's transpose: A^T := A^T L^-T overwrites it without a copy.
        blas.strsm(1, lower, matrix.T, side=1, lower=1, trans_a=1, overwrite_b=1)
    return matrix


def _by_householder(matrix: np.ndarray) -> np.ndarray:
    from scipy.linalg import qr
    q, r = qr(matrix.T, overwrite_a=True, mode='economic', check_finite=False)
    return (q * np.where(np.diag(r) < 0, np.float32(-1), np.float32(1))).T
