"""Rows, and the centroids around which they cluster: on the host, or on an engine's device."""

from typing import Any, Protocol

import numpy as np
from numpy import ndarray

from ...netlib.engines import Engine
from ...netlib.engines.fast.clustering import clustering
from ...netlib.memory import Tensor
from ..products import uploaded
from .device_rows import every, gathered, rows_of

BLOCK = 4096


class Centroids(Protocol):
    """Centroids (count, d), and the sums (count, d) that are to become the next ones."""

    def start(self, index: ndarray) -> None:
        """Begin with the rows of these numbers."""

    def add_up(self, chosen: range) -> ndarray:
        """Sum those of the chosen rows that are nearest to each centroid; returns the lengths of
        the sums."""

    def redraw(self, numbers: ndarray, index: ndarray) -> None:
        """Take these rows instead of the sums of these numbers."""

    def divide(self, lengths: ndarray) -> None:
        """The next centroids are the sums divided by these."""

    def array(self) -> ndarray:
        """The centroids."""


def centroids_by(engine: Engine | None, rows: ndarray | Tensor) -> Centroids:
    """Where the engine computes, or on the host."""
    if engine and engine.on_device:
        return DeviceCentroids(engine, rows)
    return HostCentroids(rows.array() if isinstance(rows, Tensor) else rows, engine)


class HostCentroids:
    """By the engine's kernels, which leave out products that bounds make needless; without them by
    NumPy and SciPy."""

    def __init__(self, rows: ndarray, engine: Engine | None = None):
        self.rows, self.engine = rows, engine

    def start(self, index: ndarray) -> None:
        self.centroids = self.rows[index]
        self.clustering = clustering(self.rows, self.engine)

    def add_up(self, chosen: range) -> ndarray:
        if self.clustering:
            self.sums = self.clustering.add_up(self.centroids, chosen)
        else:
            self.sums = sums_by_nearest(self.rows[chosen.start :: chosen.step], self.centroids)
        return np.linalg.norm(self.sums, axis=1)

    def redraw(self, numbers: ndarray, index: ndarray) -> None:
        self.sums[numbers] = self.rows[index]

    def divide(self, lengths: ndarray) -> None:
        self.centroids = self.sums / lengths[:, None]

    def array(self) -> ndarray:
        return self.centroids


def sums_by_nearest(rows: ndarray, centroids: ndarray) -> ndarray:
    """The sums of the rows that are nearest to each centroid."""
    sums = np.zeros_like(centroids)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        cosines = block @ centroids.T
        nearest = cosines.argmax(axis=1)
        sums += belongs_to(nearest, len(sums)) @ block
    return sums


def belongs_to(nearest: ndarray, count: int) -> Any:
    """A sparse matrix (count, rows) of zeros and ones: column i has its one in row nearest[i]."""
    from scipy.sparse import csc_array

    rows = len(nearest)
    ones = np.ones(rows, np.float32)
    ends = np.arange(rows + 1)
    return csc_array((ones, nearest, ends), shape=(count, rows))


class DeviceCentroids:
    """By an engine, with rows, centroids and sums on its device."""

    def __init__(self, engine: Engine, rows: ndarray | Tensor):
        self.engine = engine
        self.rows = rows if isinstance(rows, Tensor) else uploaded(engine, rows)

    def start(self, index: ndarray) -> None:
        self.centroids = gathered(self.engine, self.rows, index)
        self.sums = self.engine.tensor(*self.centroids.shape)
        self.squares = self.engine.tensor(len(index), 1)

    def add_up(self, chosen: range) -> ndarray:
        self.engine.fill(0, out=self.sums)
        for start in range(0, len(chosen), BLOCK):
            self._add(every(self.engine, self.rows, chosen[start : start + BLOCK]))
        self.engine.dot(self.sums, self.sums, out=self.squares)
        return np.sqrt(self.squares.array()[:, 0])

    def redraw(self, numbers: ndarray, index: ndarray) -> None:
        for number, i in zip(numbers.tolist(), index.tolist(), strict=True):
            self.engine.copy(rows_of(self.rows, i, 1), out=rows_of(self.sums, number, 1))

    def divide(self, lengths: ndarray) -> None:
        divisors = uploaded(self.engine, lengths[:, None])
        self.engine.binary('div', self.sums, divisors, out=self.centroids)

    def array(self) -> ndarray:
        return self.centroids.array()

    def _add(self, block: Tensor) -> None:
        e = self.engine
        length = block.shape[0]
        count = self.sums.shape[0]
        cosines = e.tensor(length, count)
        largest = e.tensor(length, 1)
        nearest = e.tensor(length, 1)
        e.gemm(block, self.centroids, out=cosines, transpose_b=True)
        e.max_forward(cosines.reshape(length, count, 1), out=largest, winner=nearest)
        belongs = cosines  # reuses the memory of the cosines
        e.one_hot(nearest, None, out=belongs.reshape(length, count, 1))
        e.gemm(belongs, block, out=self.sums, transpose_a=True, accumulate=True)
