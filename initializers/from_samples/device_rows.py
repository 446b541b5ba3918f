"""Rows of samples on an engine's device, where they stay: what comes back are a few numbers of each
row, and matrices that do not grow with the rows."""

import functools
from collections.abc import Iterator

import numpy as np
from numpy import ndarray

from ...netlib.engines import Engine
from ...netlib.memory import Tensor
from ..products import uploaded
from .host_rows import BLOCK, LARGEST, HostRows
from .unit_length import NEGLIGIBLE


class DeviceRows:
    """Rows (n, d) of float32 with the attributes of HostRows.

    Up to BLOCK rows, and fewer usable rows than dimensions, are an exception: float64 computes the
    mean and the products of these, which devices do not offer. They come to the host once, for
    that alone; projections have them on the device.
    """

    def __init__(self, engine: Engine, rows: Tensor):
        self.engine = engine
        self.rows = rows
        self.total, self.size = rows.shape
        self.mean = np.zeros(self.size, np.float32)
        self.scale = 1.0
        finite, largest = self._magnitudes()
        self.usable = finite == self.size
        self.count = int(self.usable.sum())
        self._kept = self._usable_rows()
        self.in_float64 = self.total <= BLOCK or self.count < self.size
        if self.in_float64:
            self.mean, self.scale = self.on_host.mean, self.on_host.scale
        else:
            self.scale = float(largest[self.usable].max()) or 1.0
            self.mean = self._mean()
        self._mean_there = uploaded(engine, self.mean.reshape(1, -1))

    @functools.cached_property
    def on_host(self) -> HostRows:
        """All of them, brought to the host."""
        return HostRows(self.rows.array())

    def scatter(self) -> ndarray:
        """As HostRows has it: float32 within a block, and its rounding kept over several."""
        if self.in_float64:
            return self.on_host.scatter()
        total = Total(self.engine, self.size, self.size)
        product = self.engine.tensor(self.size, self.size)
        for _, seen in self._seen_from(self._mean_there, self.scale):
            self.engine.gemm(seen, seen, out=product, transpose_a=True)
            total.add(product)
        return total.array()

    def project(self, matrix: ndarray, triangular: bool = False) -> Tensor:
        """(x - mean) S^T, (count, len(S)) float32, for a matrix S, triangular or not."""
        out = self.engine.tensor(self.count, len(matrix))
        weights = uploaded(self.engine, matrix)
        for start, seen in self._seen_from(self._mean_there, 1):
            part = rows_of(out, start, seen.shape[0])
            self.engine.gemm(seen, weights, out=part, transpose_b=True)
        return out

    def units(self, matrix: ndarray, triangular: bool = False) -> Tensor:
        """The same at unit length, as `to_unit_length` has it."""
        e = self.engine
        rows = self.project(matrix)
        squares, factors = e.tensor(self.count, 1), e.tensor(self.count, 1)
        e.dot(rows, rows, out=squares)
        largest = float(squares.array().max(initial=0))
        least = NEGLIGIBLE**2 * largest or 1.0  # any will do if all are zero
        e.unary('clip', squares, least, max(largest, least), out=factors)
        e.unary('power', factors, -0.5, 1, 0, out=factors)
        e.unary('threshold', squares, least, out=squares)
        e.binary('mul', factors, squares, out=factors)
        e.binary('mul', rows, factors, out=rows)
        return rows

    def take(self, chosen: ndarray) -> ndarray:
        """x - mean for the rows of these numbers, unusable ones counted."""
        return gathered(self.engine, self.rows, chosen).array() - self.mean

    @property
    def seen(self) -> ndarray:
        """(x - mean) / scale for all usable rows, on the host."""
        return self.on_host.seen

    def _magnitudes(self) -> ndarray:
        """(2, n): how many values of each row are neither NaN nor so large that differences could
        overflow, and the largest absolute value of a row without NaN."""
        e = self.engine
        found = e.tensor(2, self.total)
        limit = filled(e, LARGEST, 1, 1)
        scratch = e.tensor(min(BLOCK, self.total), self.size)
        winners = e.tensor(min(BLOCK, self.total), 1)
        for start in range(0, self.total, BLOCK):
            rows = rows_of(self.rows, start, min(BLOCK, self.total - start))
            count = rows.shape[0]
            values = rows_of(scratch, 0, count)
            finite, largest = (part_of(each, start, count) for each in found)
            winner = rows_of(winners, 0, count)
            e.unary('abs', rows, out=values)
            e.max_forward(values.reshape(count, self.size, 1), out=largest, winner=winner)
            e.binary('greater', limit, values, out=values)
            e.sum(values, out=finite)
        return found.array()

    def _usable_rows(self) -> Tensor:
        if self.usable.all():
            return self.rows
        return gathered(self.engine, self.rows, np.flatnonzero(self.usable))

    def _mean(self) -> ndarray:
        """Seen from one of the rows, they are near zero, where sums of float32 round little."""
        origin = rows_of(self._kept, 0, 1)
        total = Total(self.engine, 1, self.size)
        part = self.engine.tensor(1, self.size)
        for _, seen in self._seen_from(origin, self.scale):
            self.engine.sum(seen, out=part)
            total.add(part)
        self.engine.copy(origin, out=part)
        mean = part.array() + total.array() * (self.scale / self.count)
        return mean[0].astype(np.float32)

    def _seen_from(self, origin: Tensor, scale: float) -> Iterator[tuple[int, Tensor]]:
        """The blocks of (x - origin) / scale for all usable rows, each with its first row; each is
        overwritten by the next."""
        factor = filled(self.engine, 1 / scale, 1, self.size)
        scratch = self.engine.tensor(min(BLOCK, self.count), self.size)
        for start in range(0, self.count, BLOCK):
            block = rows_of(self._kept, start, min(BLOCK, self.count - start))
            out = rows_of(scratch, 0, block.shape[0])
            self.engine.standardize(block, origin, factor, out=out)
            yield start, out


class Total:
    """The sum of matrices on a device as if in more digits than float32 has: what each addition
    rounds off is kept, and enters the next one (Kahan 1965)."""

    def __init__(self, engine: Engine, *shape: int):
        self.engine = engine
        self.both = engine.tensor(2, *shape)  # in one memory, for one download
        self.sum, self.excess = self.both
        self.term = engine.tensor(*shape)
        self.before = engine.tensor(*shape)

    def add(self, x: Tensor) -> None:
        """sum - excess += x"""
        e = self.engine
        e.binary('sub', x, self.excess, out=self.term)
        e.copy(self.sum, out=self.before)
        e.binary('add', self.before, self.term, out=self.sum)
        e.binary('sub', self.sum, self.before, out=self.excess)
        e.binary('sub', self.excess, self.term, out=self.excess)

    def array(self) -> ndarray:
        """The sum so far, in float64."""
        found, excess = self.both.array().astype(float)
        return found - excess


def filled(engine: Engine, value: float, *shape: int) -> Tensor:
    tensor = engine.tensor(*shape)
    engine.fill(value, out=tensor)
    return tensor


def rows_of(matrix: Tensor, start: int, count: int) -> Tensor:
    """Rows of a matrix."""
    size = matrix.shape[1]
    return Tensor((count, size), matrix.memory, matrix.offset + start * size)


def part_of(vector: Tensor, start: int, count: int) -> Tensor:
    """Some numbers of a vector, as a column."""
    return Tensor((count, 1), vector.memory, vector.offset + start)


def gathered(engine: Engine, rows: Tensor, chosen: ndarray) -> Tensor:
    """The rows of these numbers, in a tensor of their own."""
    out = engine.tensor(len(chosen), rows.shape[1])
    if len(chosen):
        engine.gather(rows, chosen.tolist(), 0, out=out)
    return out


def every(engine: Engine, rows: Tensor, chosen: range) -> Tensor:
    """Rows at regular distances, of which no numbers need be sent to the device: in a matrix whose
    rows are as long as the distance, they are where these begin."""
    count = len(chosen)
    if chosen.step == 1:
        return rows_of(rows, chosen.start, count)
    size = rows.shape[1]
    out = engine.tensor(count, size)
    before = count - 1  # after the last one, the matrix may end
    start = rows.offset + chosen.start * size
    distances = Tensor((before, chosen.step * size), rows.memory, start)
    if before:
        shape = (before, size)
        engine.copy_window(distances, (0, 0), out=out, at=(0, 0), shape=shape)
    engine.copy(rows_of(rows, chosen[-1], 1), out=rows_of(out, before, 1))
    return out
