"""Random matrices with orthonormal rows or columns, drawn uniformly (by Haar's measure)."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from ..netlib.engines import Engine
from ..netlib.errors import NetError
from ..netlib.shapes import Shape
from .products import Matmul, matmul_of
from .random_numbers import normal

BLOCK = 256  # reflections that are carried out together, by matrix products
ROWS = 512  # rows that are reflected at a time


def orthonormal(
    shape: Shape, rng: np.random.Generator, groups: int = 1, engine: Engine | None = None
) -> np.ndarray:
    """Float32 weights of `shape` (out, in, ...), an orthonormal (out / groups, fan_in) matrix in
    each group.

    Rows are orthonormal, or columns where a group has more outputs than inputs (Saxe et al. 2014):
    distributed as the Q of a Gaussian matrix, with R's diagonal made positive, hence by Haar's
    measure. max |Q Q^T - I| < 1e-5. An engine that computes on a device multiplies the reflections
    there. Raises NetError when `groups` does not divide the outputs.
    """
    if shape[0] % groups:
        raise NetError(
            f'orthonormal: groups: {groups} must divide the {shape[0]} outputs of {tuple(shape)}'
        )
    weights = np.zeros((groups, shape[0] // groups, int(np.prod(shape[1:]))), np.float32)
    fill = partial(_fill_on_device, engine) if engine and engine.on_device else _fill_orthonormal
    for matrix in weights:
        rows, columns = matrix.shape
        if rows <= columns:
            fill(matrix, rng)
        else:
            transposed = np.zeros((columns, rows), np.float32)
            fill(transposed, rng)
            matrix[:] = transposed.T
    return weights.reshape(shape)


def _fill_orthonormal(matrix: np.ndarray, rng: np.random.Generator) -> None:
    """Fill zeros (count, length), count <= length, with orthonormal rows.

    Householder's method makes the j-th row of a matrix a multiple of a unit vector by a reflection
    of all axes from j on. The rest of a Gaussian matrix stays Gaussian under it, so the vectors of
    all reflections can be drawn at once and no matrix is there to reduce (Stewart 1980); only Q is
    put together, from the last reflection to the first: half the work of a QR decomposition.
    """
    for start, vectors, signs in _blocks(matrix.shape, rng):
        np.fill_diagonal(matrix[start : start + len(signs), start:], signs)
        _reflect(matrix[start:, start:], vectors)


def _fill_on_device(engine: Engine, matrix: np.ndarray, rng: np.random.Generator) -> None:
    """The same, put together on the engine's device."""
    e, whole = engine, engine.tensor(*matrix.shape)
    for start, vectors, signs in _blocks(matrix.shape, rng):
        height, shape = len(signs), (len(matrix) - start, matrix.shape[1] - start)
        v, middle, diagonal = (
            e.tensor(*extents) for extents in (vectors.shape, (height, height), (height, height))
        )
        v.set(vectors)
        middle.set(-_middle(vectors, matmul_of(e)))
        diagonal.set(np.diag(signs))
        rows, along, mixed = (
            e.tensor(*extents) for extents in (shape, (shape[0], height), (shape[0], height))
        )
        e.copy_window(whole, (start, start), out=rows, at=(0, 0), shape=shape)
        e.copy_window(diagonal, (0, 0), out=rows, at=(0, 0), shape=(height, height))
        e.gemm(rows, v, out=along, transpose_b=True)
        e.gemm(along, middle, out=mixed)
        e.gemm(mixed, v, out=rows, accumulate=True)
        e.copy_window(rows, (0, 0), out=whole, at=(start, start), shape=shape)
    matrix[:] = whole.array()


def _blocks(shape: Shape, rng: np.random.Generator) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """The reflections of BLOCK axes after the other, the last ones first: the first of these axes,
    and what _reflections says."""
    count, length = shape
    for start in reversed(range(0, count, BLOCK)):
        yield (
            start,
            *_reflections(np.triu(normal((min(BLOCK, count - start), length - start), rng))),
        )


def _reflections(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The vectors v_j (in place) whose reflections I - 2 v v^T / v^T v take the rows of x to their
    diagonal entries, and the signs that make these positive."""
    diagonal = np.einsum('ii->i', x[:, : len(x)])
    signs = np.where(diagonal < 0, 1, -1)
    diagonal -= signs * np.sqrt(np.einsum('ij,ij->i', x, x, dtype=float))
    return x, signs


def _reflect(rows: np.ndarray, vectors: np.ndarray) -> None:
    """Reflect the rows in place by all of the vectors V, the last one first: together I - V^T T V."""
    middle = _middle(vectors)
    scratch = np.empty((min(ROWS, len(rows)), rows.shape[1]), np.float32)
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        part -= np.matmul(part @ vectors.T @ middle, vectors, out=scratch[: len(part)])


def _middle(vectors: np.ndarray, matmul: Matmul = np.matmul) -> np.ndarray:
    """T, the inverse of the lower triangle of V V^T with its diagonal halved (Puglisi 1992)."""
    products = np.tril(matmul(vectors, vectors.T), -1).astype(float)
    products += np.diag(np.einsum('ij,ij->i', vectors, vectors, dtype=float) / 2)
    return np.linalg.inv(products).astype(np.float32)
