"""Orthonormal rows drawn uniformly (Haar measure), as a product of Householder reflections.

Householder's method makes the j-th row of a matrix a multiple of a unit vector by a reflection of
all axes from j on. The rest of a Gaussian matrix stays Gaussian under it, so the vectors of all
reflections can be drawn at once, without a matrix to reduce (Stewart 1980). Only Q is computed,
from the last reflection to the first: half the work of a QR decomposition. The reflections of BLOCK
axes are combined into matrix products.
"""

from collections.abc import Iterator
from math import prod

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ...netlib.engines import Engine
from ...netlib.engines.fast import Kernels, kernels_of
from ...netlib.memory import Tensor
from ..products import uploaded
from ..random_numbers import normal

BLOCK = 256  # reflections applied together, by matrix products
ROWS = 512  # rows that NumPy reflects at a time

Block = tuple[int, ndarray, ndarray]


def fill_orthonormal(matrix: ndarray, rng: Generator, engine: Engine | None = None) -> None:
    """Fill a matrix (count, length), count <= length, with orthonormal rows; on the engine's device
    if it has one."""
    if engine and engine.on_device:
        _fill_on_device(engine, matrix, rng)
    else:
        _fill_on_host(matrix, rng, kernels_of(engine, exact=True))


def _fill_on_host(matrix: ndarray, rng: Generator, kernels: Kernels | None) -> None:
    count, length = matrix.shape
    for start, vectors, signs in _blocks(count, length, rng):
        reflect(matrix[start:, start:], vectors, signs, kernels)


def _fill_on_device(engine: Engine, matrix: ndarray, rng: Generator) -> None:
    count, length = matrix.shape
    whole = engine.tensor(count, length)
    for start, vectors, signs in _blocks(count, length, rng):
        corner = (start, start)
        shape = (count - start, length - start)
        diagonal = uploaded(engine, np.diag(signs))
        rows = engine.tensor(*shape)
        engine.copy_window(whole, corner, out=rows, at=(0, 0), shape=shape)
        engine.copy_window(diagonal, (0, 0), out=rows, at=(0, 0), shape=diagonal.shape)
        _reflect_on_device(engine, rows, vectors)
        engine.copy_window(rows, (0, 0), out=whole, at=corner, shape=shape)
    matrix[:] = whole.array()


def _blocks(count: int, length: int, rng: Generator) -> Iterator[Block]:
    """The reflections, BLOCK axes at a time, the last first: the first of the axes, and the results
    of `reflections`."""
    room = np.empty(min(BLOCK, count) * length, np.float32)  # new memory for each would take longer
    for start in reversed(range(0, count, BLOCK)):
        shape = (min(BLOCK, count - start), length - start)
        gaussian = normal(shape, rng, out=room[: prod(shape)].reshape(shape))
        square = gaussian[:, : shape[0]]
        square[...] = np.triu(square)
        vectors, signs = reflections(gaussian)
        yield start, vectors, signs


def reflections(x: ndarray) -> tuple[ndarray, ndarray]:
    """The vectors v_j (in place) whose reflections I - 2 v v^T / v^T v take the rows of x to their
    diagonal entries, and the signs that make these positive."""
    square = x[:, : len(x)]
    diagonal = np.einsum('ii->i', square)
    signs = np.where(diagonal < 0, 1, -1)
    diagonal -= signs * np.sqrt(_squared_lengths(x))
    return x, signs


def _squared_lengths(x: ndarray) -> ndarray:
    return np.einsum('ij,ij->i', x, x, dtype=float)


def reflect(
    rows: ndarray, vectors: ndarray, signs: ndarray, kernels: Kernels | None = None
) -> None:
    """Reflect rows (count, length) in place by all of the vectors V, the last one first; by the
    kernels, if there are any.

    As many of the rows as there are vectors become the first unit vectors times the signs, before
    they are reflected. The rows after them have as many zeros, which need not be there. Together
    the reflections are I - V^T T V.
    """
    height = len(vectors)
    middle = -_middle(vectors, vectors @ vectors.T)
    units = signs.astype(np.float32)[:, None] * vectors[:, :height].T @ middle
    if kernels:
        shapes = (*rows.shape, rows.strides[0] // rows.itemsize, height)
        kernels.reflect(rows, vectors, middle, units, shapes)
    else:
        np.matmul(units, vectors, out=rows[:height])
        _reflect_rest(rows[height:], vectors, middle)
    np.einsum('ii->i', rows[:height, :height])[...] += signs


def _reflect_rest(rows: ndarray, vectors: ndarray, middle: ndarray) -> None:
    """The rows that begin with zeros."""
    height = len(vectors)
    rest = vectors[:, height:]
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        mixed = part[:, height:] @ rest.T @ middle
        np.matmul(mixed, vectors[:, :height], out=part[:, :height])
        part[:, height:] += mixed @ rest


def _reflect_on_device(engine: Engine, rows: Tensor, vectors: ndarray) -> None:
    """`reflect` by an engine, with the rows on its device."""
    v = uploaded(engine, vectors)
    products = engine.tensor(len(vectors), len(vectors))
    engine.gemm(v, v, out=products, transpose_b=True)
    middle = _middle(vectors, products.array())
    minus_middle = uploaded(engine, -middle)
    shape = (rows.shape[0], len(vectors))
    along = engine.tensor(*shape)
    mixed = engine.tensor(*shape)
    engine.gemm(rows, v, out=along, transpose_b=True)
    engine.gemm(along, minus_middle, out=mixed)
    engine.gemm(mixed, v, out=rows, accumulate=True)


def _middle(vectors: ndarray, products: ndarray) -> ndarray:
    """T, the inverse of the lower triangle of V V^T with its diagonal halved (Puglisi 1992);
    products: V V^T."""
    below = np.tril(products, -1)
    halves = np.diag(_squared_lengths(vectors) / 2)
    inverse = np.linalg.inv(below + halves)
    return inverse.astype(np.float32)
