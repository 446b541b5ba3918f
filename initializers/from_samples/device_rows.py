"""Rows of samples on an engine's device: they are uploaded once, whatever is computed of them."""

from collections.abc import Iterator

import numpy as np
from numpy import ndarray

from ...netlib.engines import Engine
from ...netlib.memory import Tensor
from .unit_length import real_lengths


class DeviceRows:
    """Rows (n, d) of float32 on the device, to be seen from `mean`, `block` of them at a time."""

    def __init__(self, engine: Engine, rows: ndarray, mean: ndarray, block: int):
        self.engine = engine
        self.block = block
        self.rows = uploaded(self.engine, rows)
        self.mean = uploaded(self.engine, mean.reshape(1, -1))

    def scatter(self, scale: float) -> ndarray:
        """The (d, d) sum of the outer products of (x - mean) / scale: float32 within a block,
        float64 over several."""
        size = self.rows.shape[1]
        total = np.zeros((size, size))
        product = self.engine.tensor(size, size)
        factor = uploaded(self.engine, np.full((1, size), 1 / scale, np.float32))
        for _, centered in self._centered(factor):
            self.engine.gemm(centered, centered, out=product, transpose_a=True)
            total += product.array()
        return total

    def project(self, matrix: ndarray) -> Tensor:
        """(x - mean) S^T, (n, len(S)) float32, for a matrix S."""
        count, size = self.rows.shape
        out = self.engine.tensor(count, len(matrix))
        weights = uploaded(self.engine, matrix)
        ones = uploaded(self.engine, np.ones((1, size), np.float32))
        for start, centered in self._centered(ones):
            part = rows_of(out, start, centered.shape[0])
            self.engine.gemm(centered, weights, out=part, transpose_b=True)
        return out

    def units(self, matrix: ndarray) -> Tensor:
        """The same at unit length, as `to_unit_length` has it."""
        rows = self.project(matrix)
        squares = self.engine.tensor(rows.shape[0], 1)
        self.engine.dot(rows, rows, out=squares)
        lengths = real_lengths(np.sqrt(squares.array()))
        self.engine.binary('mul', rows, uploaded(self.engine, 1 / lengths), out=rows)
        return rows

    def _centered(self, factor: Tensor) -> Iterator[tuple[int, Tensor]]:
        """The blocks of (x - mean) factor, each with its first row; each is overwritten by the
        next."""
        count, size = self.rows.shape
        scratch = self.engine.tensor(min(self.block, count), size)
        for start in range(0, count, self.block):
            block = rows_of(self.rows, start, min(self.block, count - start))
            out = rows_of(scratch, 0, block.shape[0])
            self.engine.standardize(block, self.mean, factor, out=out)
            yield start, out


def uploaded(engine: Engine, values: ndarray) -> Tensor:
    tensor = engine.tensor(*values.shape)
    tensor.set(values)
    return tensor


def rows_of(matrix: Tensor, start: int, count: int) -> Tensor:
    """Rows of a matrix."""
    size = matrix.shape[1]
    return Tensor((count, size), matrix.memory, matrix.offset + start * size)
