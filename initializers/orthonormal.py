"""Random matrices with orthonormal rows or columns, drawn uniformly (by Haar's measure)."""
import numpy as np

from ..netlib.errors import NetError
from ..netlib.shapes import Shape

BLOCK = 256         # rows that are made orthonormal together: the products between blocks take most of the time
TINY = 128          # where so few dimensions are left, Householder's method costs nothing


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
    """(count, length) with orthonormal rows, count <= length, by Gram and Schmidt's method, block by block.

    A block is at most half as high as there are dimensions left: a Gaussian matrix of that shape has a condition number
    below 6, which Cholesky-QR bears (it squares the number, and float32 has 1e-7) and a second time brings to the last
    bit. The last few rows have no such room: they are freed of the rows before them twice.
    """
    matrix = rng.standard_normal((count, length), np.float32)
    start = 0
    while start < count:
        left = length - start
        end = count if left <= TINY else min(count, start + min(BLOCK, left // 2))
        done, block = matrix[:start], matrix[start:end]
        orthonormalise = _by_householder if left <= TINY else _by_cholesky
        for _ in range(2 if left <= TINY else 1):
            block -= (block @ done.T) @ done
            orthonormalise(block)
        start = end
    return matrix


def _by_cholesky(block: np.ndarray) -> None:
    """Orthonormalise the rows in place: A A^T = L L^T, A := L^-1 A, twice.

    L's diagonal is positive by definition: no sign is left to fold in. L is small and well conditioned, and the product
    with its inverse faster than solving.
    """
    for _ in range(2):
        lower = np.linalg.cholesky(block @ block.T)
        block[:] = np.linalg.inv(lower) @ block


def _by_householder(block: np.ndarray) -> None:
    q, r = np.linalg.qr(block.T)
    block[:] = (q * np.where(np.diag(r) < 0, np.float32(-1), np.float32(1))).T
