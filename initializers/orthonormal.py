"""Random matrices with orthonormal rows or columns, drawn uniformly (by Haar's measure)."""
import numpy as np

from ..netlib.errors import NetError
from ..netlib.shapes import Shape
from .random_numbers import normal

BLOCK = 256         # reflections that are carried out together, by matrix products
ROWS = 512          # rows that are reflected at a time


def orthonormal(shape: Shape, rng: np.random.Generator, groups: int = 1) -> np.ndarray:
    """Float32 weights of `shape` (out, in, ...), an orthonormal (out / groups, fan_in) matrix in each group.

    Rows are orthonormal, or columns where a group has more outputs than inputs (Saxe et al. 2014): distributed as the Q
    of a Gaussian matrix, with R's diagonal made positive, hence by Haar's measure. max |Q Q^T - I| < 1e-5.
    Raises NetError when `groups` does not divide the outputs.
    """
    if shape[0] % groups:
        raise NetError(f'orthonormal: groups: {groups} must divide the {shape[0]} outputs of {tuple(shape)}')
    weights = np.zeros((groups, shape[0] // groups, int(np.prod(shape[1:]))), np.float32)
    for matrix in weights:
        rows, columns = matrix.shape
        if rows <= columns:
            _fill_orthonormal(matrix, rng)
        else:
            transposed = np.zeros((columns, rows), np.float32)
            _fill_orthonormal(transposed, rng)
            matrix[:] = transposed.T
    return weights.reshape(shape)


def _fill_orthonormal(matrix: np.ndarray, rng: np.random.Generator) -> None:
    """Fill zeros (count, length), count <= length, with orthonormal rows.

    Householder's method makes the j-th row of a matrix a multiple of a unit vector by a reflection of all axes from j
    on. The rest of a Gaussian matrix stays Gaussian under it, so the vectors of all reflections can be drawn at once
    and no matrix is there to reduce (Stewart 1980); only Q is put together, from the last reflection to the first:
    half the work of a QR decomposition.
    """
    count, length = matrix.shape
    for start in reversed(range(0, count, BLOCK)):
        height = min(BLOCK, count - start)
        vectors, signs = _reflections(np.triu(normal((height, length - start), rng)))
        matrix[start:start + height, start:start + height] = np.diag(signs)
        _reflect(matrix[start:, start:], vectors)


def _reflections(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The vectors v_j (in place) whose reflections I - 2 v v^T / v^T v take the rows of x to their diagonal entries,
    and the signs that make these positive."""
    diagonal = np.einsum('ii->i', x[:, :len(x)])
    signs = np.where(diagonal < 0, 1, -1)
    diagonal -= signs * np.sqrt(np.einsum('ij,ij->i', x, x, dtype=float))
    return x, signs


def _reflect(rows: np.ndarray, vectors: np.ndarray) -> None:
    """Reflect the rows in place by all of the vectors V, the last one first.

    Together the reflections are I - V^T T V, with the inverse of T the lower triangle of V V^T, its diagonal halved
    (Puglisi 1992).
    """
    products = np.tril(vectors @ vectors.T, -1).astype(float)
    products += np.diag(np.einsum('ij,ij->i', vectors, vectors, dtype=float) / 2)
    middle = np.linalg.inv(products).astype(np.float32)
    scratch = np.empty((min(ROWS, len(rows)), rows.shape[1]), np.float32)
    for start in range(0, len(rows), ROWS):
        part = rows[start:start + ROWS]
        part -= np.matmul(part @ vectors.T @ middle, vectors, out=scratch[:len(part)])
