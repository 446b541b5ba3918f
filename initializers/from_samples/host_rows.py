"""Rows of samples in the host's memory."""

from collections.abc import Iterator

import numpy as np
from numpy import ndarray

from ...netlib.engines.fast import Kernels
from .unit_length import to_unit_length

BLOCK = 4096  # rows per matrix product: float32 within a block, float64 over several
FEW = 64  # rows that stay in a cache
LARGEST = 1e37  # beyond it a difference of two float32 values can overflow
SMALLEST = float(np.finfo(np.float32).tiny)  # below it the inverse of a scale can overflow


class HostRows:
    """Rows (n, d), and what is computed of those that can be used; by the kernels, if there are
    any.

    spare    whether the rows may be overwritten, and so need no other memory
    total    n
    usable   (n,)  rows without NaN and Inf
    count    the number of usable rows
    mean     (d,)  of the usable rows, float32
    scale    their largest absolute value
    seen     (count, d)  (x - mean) / scale for the usable rows. `project` and `units` write their
             results over it; afterwards nothing more can be computed
    """

    def __init__(self, rows: ndarray, spare: bool = False, kernels: Kernels | None = None):
        self.kernels = kernels if rows.dtype == np.float32 else None
        self.total, self.size = rows.shape
        self.usable, largest = usable_rows(rows)
        self.count = int(self.usable.sum())
        self.scale = max(largest, SMALLEST) if largest else 1.0
        spare = spare and rows.flags.c_contiguous
        self.seen = moved_together(rows, self.usable) if spare else rows[self.usable]
        self.mean = mean_of(self.seen)
        self._see()

    def scatter(self) -> ndarray:
        """The (d, d) sum of the outer products of the rows of `seen`, in float64."""
        total = np.zeros((self.size, self.size))
        if self.total <= BLOCK:  # rounding errors would not average out, and float64 costs little
            seen = self.seen.astype(float)
            return np.matmul(seen.T, seen, out=total)
        if self.kernels:
            self.kernels.scatter_matrix(self.seen, total, self.count, self.size)
            return total
        product = np.empty((self.size, self.size), np.float32)
        for block in blocks(self.seen, BLOCK):
            total += np.matmul(block.T, block, out=product)
        return total

    def project(self, matrix: ndarray, triangular: bool) -> ndarray:
        """(x - mean) S^T for all usable rows: (count, len(S)) float32, for a matrix S of at most d
        rows, which is lower triangular or not."""
        from scipy.linalg.blas import strmm

        right = np.ascontiguousarray(matrix.T) * np.float32(self.scale)
        if not triangular:
            return self._times(right)
        if self.kernels:
            self.kernels.project_rows(self.seen, right, self.count, self.size)
            return self.seen
        for block in blocks(self.seen, BLOCK):  # half the work, in place
            strmm(1, right.T, block.T, lower=1, overwrite_b=1)
        return self.seen

    def units(self, matrix: ndarray, triangular: bool) -> ndarray:
        """`project` at unit length."""
        return to_unit_length(self.project(matrix, triangular), self.kernels)

    def take(self, chosen: ndarray) -> ndarray:
        """x - mean for the rows of these numbers, unusable ones counted."""
        place = np.cumsum(self.usable) - 1
        return self.seen[place[chosen]] * np.float32(self.scale)

    def _see(self) -> None:
        """Make `seen` of the usable rows."""
        inverse = np.full(self.size, 1 / self.scale, np.float32)
        if self.kernels and self.count:
            seen = self.seen
            self.kernels.standardize(seen, self.mean, inverse, seen, self.count, self.size, 1)
            return
        for block in blocks(self.seen, FEW):
            block -= self.mean
            block *= inverse

    def _times(self, right: ndarray) -> ndarray:
        """`seen` times a matrix of no more columns, over it: the results of a block end where the
        next one begins, or before."""
        width = right.shape[1]
        out = self.seen.reshape(-1)[: self.count * width].reshape(self.count, width)
        start = 0
        for block in blocks(self.seen, BLOCK):
            np.matmul(block.copy(), right, out=out[start : start + len(block)])
            start += len(block)
        return out


def blocks(rows: ndarray, height: int) -> Iterator[ndarray]:
    """The rows, some at a time."""
    for start in range(0, len(rows), height):
        yield rows[start : start + height]


def usable_rows(rows: ndarray) -> tuple[ndarray, float]:
    """Which rows contain no NaN, Inf or values so large that differences could overflow; and the
    largest absolute value of these rows."""
    usable = np.empty(len(rows), bool)
    largest = 0.0
    for block, good in zip(blocks(rows, BLOCK), blocks(usable, BLOCK), strict=True):
        good[:] = True
        found = magnitude(block)
        if not found < LARGEST:  # NaN is not
            good[:] = (abs(block) < LARGEST).all(axis=1)
            found = magnitude(block[good])
        largest = max(largest, found)
    return usable, largest


def magnitude(block: ndarray) -> float:
    """The largest absolute value; NaN if one is."""
    return float(max(block.max(initial=0), -block.min(initial=0)))


def moved_together(rows: ndarray, chosen: ndarray) -> ndarray:
    """The chosen rows, moved to the front of the same memory."""
    if chosen.all():
        return rows
    end = 0
    for block, good in zip(blocks(rows, BLOCK), blocks(chosen, BLOCK), strict=True):
        some = block[good]
        rows[end : end + len(some)] = some
        end += len(some)
    return rows[:end]


def mean_of(rows: ndarray) -> ndarray:
    """The mean of the rows, float32; 0 if there are none."""
    total = np.zeros(rows.shape[1])
    for block in blocks(rows, BLOCK):
        total += block.sum(axis=0, dtype=np.float64)
    return (total / max(len(rows), 1)).astype(np.float32)
