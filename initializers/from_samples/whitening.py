"""Samples that reach a layer, seen in white coordinates: mean 0, covariance I."""

import functools
from collections.abc import Iterator

import numpy as np
from numpy import ndarray

from ...netlib.engines import Engine
from ...netlib.memory import Tensor
from ..products import matmul_of
from .coordinates import (
    Coordinates,
    PrincipalCoordinates,
    TriangularCoordinates,
    cholesky_factor,
    principal_vectors,
)
from .device_rows import DeviceRows
from .unit_length import to_unit_length

BLOCK = 4096  # rows per matrix product: float32 within a block, float64 over several
LARGEST = 1e37  # beyond it a difference of two float32 values can overflow


class WhiteSamples:
    """Samples x (n, d) seen in white coordinates u.

    `principal`: along the principal axes. Otherwise any coordinates will do, and the cheapest are
    used (coordinates.py).

    usable       (n,)  rows without NaN and Inf; everything else is computed from them
    count        the number of usable rows
    mean         (d,)  of the usable rows, float32
    scale        the largest absolute value of x
    coordinates  u (coordinates.py)

    Only directions in which the samples vary are kept. Their variance must be above 1e-6 of the
    largest (products of float32 values resolve little less) and above the rounding of the values
    themselves. Nothing is added to these variances, so the coordinates are exactly white. Constant
    samples have rank 0. If the engine computes on a device, it computes float32 products.
    """

    def __init__(self, rows: ndarray, principal: bool = True, engine: Engine | None = None) -> None:
        self.rows = rows
        self.engine = engine
        self.matmul = matmul_of(engine)
        self.size = rows.shape[1]
        self.usable = usable_rows(rows)
        self.count = int(self.usable.sum())
        self.mean = np.zeros(self.size, np.float32)
        self.scale = 1.0
        if self.count:
            self.mean, self.scale = self._mean_and_scale()
        self._covariance: ndarray | None = None  # of x / scale; not computed for few samples
        if self.count >= self.size:
            self._covariance = self._scatter() / max(self.count, 1)
        self.coordinates = self.principal if principal else self._cheapest()

    @property
    def rank(self) -> int:
        """The number of directions in which the samples vary."""
        return self.coordinates.rank

    @functools.cached_property
    def principal(self) -> PrincipalCoordinates:
        """The coordinates along the principal axes."""
        if self._covariance is None:
            return self._of_gram()
        variances, vectors = principal_vectors(self._covariance)
        axes = np.ascontiguousarray(vectors.T, np.float32)
        return PrincipalCoordinates(axes, variances * self.scale**2, self.matmul)

    def _cheapest(self) -> Coordinates:
        if self._covariance is not None:
            factor = cholesky_factor(self._covariance)
            if factor is not None:
                return TriangularCoordinates(self._covariance, factor, self.scale, self.matmul)
        return self.principal

    @functools.cached_property
    def on_device(self) -> DeviceRows | None:
        """The usable rows on the engine's device, if it has one."""
        if self.engine is None or not self.engine.on_device:
            return None
        rows = self.rows if self.usable.all() else self.rows[self.usable]
        return DeviceRows(self.engine, rows, self.mean, BLOCK)

    def centered(self) -> Iterator[ndarray]:
        """The usable rows minus their mean, in blocks; each block is overwritten by the next."""
        height = min(BLOCK, len(self.rows))
        scratch = np.empty((height, self.size), np.float32)
        for start in range(0, len(self.rows), BLOCK):
            block = self.rows[start : start + BLOCK]
            usable = self.usable[start : start + BLOCK]
            if not usable.all():
                block = block[usable]
            out = scratch[: len(block)]
            yield np.subtract(block, self.mean, out=out)

    def project(self, matrix: ndarray) -> ndarray:
        """(x - mean) S^T for all usable rows: (count, len(S)) float32; S is that of
        `coordinates.smoothed`."""
        from scipy.linalg.blas import strmm

        if self.on_device:
            return self.on_device.project(matrix).array()
        out = np.empty((self.count, len(matrix)), np.float32)
        start = 0
        for block in self.centered():
            part = out[start : start + len(block)]
            if self.coordinates.triangular:  # S is triangular: half the work, in place
                part[:] = block
                strmm(1, matrix.T, part.T, trans_a=1, overwrite_b=1)
            else:
                np.matmul(block, matrix.T, out=part)
            start += len(block)
        return out

    def units(self, matrix: ndarray) -> ndarray | Tensor:
        """`project` at unit length; on the engine's device, if it has one."""
        if self.on_device:
            return self.on_device.units(matrix)
        return to_unit_length(self.project(matrix))

    def _mean_and_scale(self) -> tuple[ndarray, float]:
        total = np.zeros(self.size)
        largest = 0.0
        for block in self.centered():  # the mean is still zero
            total += block.sum(axis=0, dtype=np.float64)
            largest = max(largest, float(abs(block).max(initial=0)))
        mean = total / self.count
        return mean.astype(np.float32), largest or 1.0

    def _scatter(self) -> ndarray:
        """The (d, d) sum of the outer products of (x - mean) / scale."""
        # For few rows, rounding errors do not average out, and float64 costs little.
        few = len(self.rows) <= BLOCK
        if not few and self.on_device:
            return self.on_device.scatter(self.scale)
        dtype = np.float64 if few else np.float32
        scale = np.float32(self.scale)
        total = np.zeros((self.size, self.size))
        product = np.empty((self.size, self.size), dtype)
        for block in self.centered():
            block /= scale
            scaled = block.astype(dtype, copy=False)
            total += np.matmul(scaled.T, scaled, out=product)
        return total

    def _of_gram(self) -> PrincipalCoordinates:
        """The principal axes from the (n, n) matrix of inner products, which is smaller when the
        samples are few."""
        rows = self._all_centered()
        rows /= self.scale
        total = np.zeros((self.count, self.count))
        for start in range(0, self.size, BLOCK):
            columns = rows[:, start : start + BLOCK].astype(float)
            total += columns @ columns.T
        covariance = total / max(self.count, 1)
        variances, vectors = principal_vectors(covariance)
        axes = self.matmul(vectors.T.astype(np.float32), rows)
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        return PrincipalCoordinates(axes, variances * self.scale**2, self.matmul)

    def _all_centered(self) -> ndarray:
        rows = np.empty((self.count, self.size), np.float32)
        start = 0
        for block in self.centered():
            rows[start : start + len(block)] = block
            start += len(block)
        return rows


def usable_rows(rows: ndarray) -> ndarray:
    """Which rows contain no NaN, Inf or values so large that differences could overflow."""
    usable = np.empty(len(rows), bool)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        finite = abs(block) < LARGEST  # NaN is not
        usable[start : start + BLOCK] = finite.all(axis=1)
    return usable
