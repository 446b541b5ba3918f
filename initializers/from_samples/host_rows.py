"""Rows of samples in the host's memory."""

from collections.abc import Iterator

import numpy as np
from numpy import ndarray

from .unit_length import to_unit_length

BLOCK = 4096  # rows per matrix product: float32 within a block, float64 over several
LARGEST = 1e37  # beyond it a difference of two float32 values can overflow


class HostRows:
    """Rows (n, d), and what is computed of those that can be used.

    spare    whether `project` and `units` may write their results over the rows, and so need no
             other memory; afterwards nothing more can be computed of the rows
    total    n
    usable   (n,)  rows without NaN and Inf
    count    the number of usable rows
    mean     (d,)  of the usable rows, float32
    scale    their largest absolute value
    """

    def __init__(self, rows: ndarray, spare: bool = False):
        self.rows = rows
        self.spare = spare
        self.total, self.size = rows.shape
        self.usable = usable_rows(rows)
        self.count = int(self.usable.sum())
        self.mean = np.zeros(self.size, np.float32)
        self.scale = 1.0
        if self.count:
            self.mean, self.scale = self._mean_and_scale()

    def scatter(self) -> ndarray:
        """The (d, d) sum of the outer products of (x - mean) / scale."""
        # For few rows, rounding errors do not average out, and float64 costs little.
        dtype = np.float64 if self.total <= BLOCK else np.float32
        scale = np.float32(self.scale)
        total = np.zeros((self.size, self.size))
        product = np.empty((self.size, self.size), dtype)
        for block in self._centered():
            block /= scale
            scaled = block.astype(dtype, copy=False)
            total += np.matmul(scaled.T, scaled, out=product)
        return total

    def project(self, matrix: ndarray, triangular: bool) -> ndarray:
        """(x - mean) S^T for all usable rows: (count, len(S)) float32, for a matrix S, which is
        lower triangular or not."""
        from scipy.linalg.blas import strmm

        out = self._results(len(matrix))
        if triangular:  # half the work, in place
            for part in self._centered(out):
                strmm(1, matrix.T, part.T, trans_a=1, overwrite_b=1)
            return out
        start = 0
        for block in self._centered():
            np.matmul(block, matrix.T, out=out[start : start + len(block)])
            start += len(block)
        return out

    def _results(self, size: int) -> ndarray:
        """Room for results (count, size): of no more numbers than the rows if it is theirs, so that
        the results of a block end where the next block begins, or before."""
        if self.spare and size <= self.size and self.rows.flags.c_contiguous:
            return self.rows.reshape(-1)[: self.count * size].reshape(self.count, size)
        return np.empty((self.count, size), np.float32)

    def units(self, matrix: ndarray, triangular: bool) -> ndarray:
        """`project` at unit length."""
        return to_unit_length(self.project(matrix, triangular))

    def take(self, chosen: ndarray) -> ndarray:
        """x - mean for the rows of these numbers, unusable ones counted."""
        return self.rows[chosen] - self.mean

    def centered(self) -> ndarray:
        """x - mean for all usable rows."""
        rows = np.empty((self.count, self.size), np.float32)
        for _ in self._centered(rows):
            pass
        return rows

    def _centered(self, out: ndarray | None = None) -> Iterator[ndarray]:
        """The usable rows minus their mean, in blocks: parts of `out`, or each overwritten by the
        next."""
        height = min(BLOCK, self.total)
        scratch = np.empty((height, self.size), np.float32) if out is None else out
        done = 0
        for block in self._blocks():
            part = scratch[done : done + len(block)]
            done += 0 if out is None else len(block)
            yield np.subtract(block, self.mean, out=part)

    def _blocks(self) -> Iterator[ndarray]:
        """The usable rows, in blocks."""
        for start in range(0, self.total, BLOCK):
            block = self.rows[start : start + BLOCK]
            usable = self.usable[start : start + BLOCK]
            yield block if usable.all() else block[usable]

    def _mean_and_scale(self) -> tuple[ndarray, float]:
        total = np.zeros(self.size)
        largest = 0.0
        for block in self._blocks():
            total += block.sum(axis=0, dtype=np.float64)
            largest = max(largest, magnitude(block))
        mean = total / self.count
        return mean.astype(np.float32), largest or 1.0


def usable_rows(rows: ndarray) -> ndarray:
    """Which rows contain no NaN, Inf or values so large that differences could overflow."""
    usable = np.empty(len(rows), bool)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        if magnitude(block) < LARGEST:  # NaN is not
            usable[start : start + BLOCK] = True
            continue
        finite = abs(block) < LARGEST
        usable[start : start + BLOCK] = finite.all(axis=1)
    return usable


def magnitude(block: ndarray) -> float:
    """The largest absolute value; NaN if one is."""
    return float(max(block.max(initial=0), -block.min(initial=0)))
