"""Samples that reach a layer, seen in white coordinates: mean 0, covariance I."""

import functools

import numpy as np
from numpy import ndarray

from ...netlib.engines import Engine
from ...netlib.engines.fast import kernels_of
from ...netlib.memory import Tensor
from ..products import matmul_of, uploaded
from .coordinates import (
    Coordinates,
    PrincipalCoordinates,
    TriangularCoordinates,
    cholesky_factor,
    principal_vectors,
)
from .device_rows import DeviceRows
from .host_rows import BLOCK, HostRows

Rows = HostRows | DeviceRows


class WhiteSamples:
    """Samples x (n, d) seen in white coordinates u.

    `principal`: along the principal axes. Otherwise any coordinates will do, and the cheapest are
    used (coordinates.py).

    rows         x, on the host or on a device (host_rows.py, device_rows.py)
    usable       (n,)  rows without NaN and Inf; everything else is computed from them
    count        the number of usable rows
    coordinates  u (coordinates.py)

    Only directions in which the samples vary are kept. Their variance must be above 1e-6 of the
    largest (products of float32 values resolve little less) and above the rounding of the values
    themselves. Nothing is added to these variances, so the coordinates are exactly white. Constant
    samples have rank 0. If the engine computes on a device, it computes float32 products, and rows
    that are there stay there. `spare` rows on the host may be overwritten by `units`.
    """

    def __init__(
        self,
        rows: ndarray | Tensor,
        principal: bool = True,
        engine: Engine | None = None,
        spare: bool = False,
    ) -> None:
        self.rows = rows_by(engine, rows, spare, exact=principal)
        self.engine = engine
        self.matmul = matmul_of(engine)
        self.size = self.rows.size
        self.usable = self.rows.usable
        self.count = self.rows.count
        self.scale = self.rows.scale
        self._covariance: ndarray | None = None  # of x / scale; not computed for few samples
        if self.count >= self.size:
            self._covariance = self.rows.scatter() / max(self.count, 1)
        self.coordinates = self.principal if principal else self._cheapest()
        self._smoothed: dict[float, tuple[ndarray | Tensor, ndarray]] = {}

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

    def smoothed_units(self, part: float) -> tuple[ndarray | Tensor, ndarray]:
        """The samples smoothed and at unit length, s / |s|, and B, both as `coordinates.smoothed`
        has them; found once."""
        if part not in self._smoothed:
            smooth, back = self.coordinates.smoothed(part)
            self._smoothed[part] = self.units(smooth), back
        return self._smoothed[part]

    def units(self, matrix: ndarray) -> ndarray | Tensor:
        """(x - mean) S^T at unit length for all usable rows, S that of `coordinates.smoothed`;
        on the engine's device, if it has one."""
        return self.rows.units(matrix, self.coordinates.triangular)

    def _of_gram(self) -> PrincipalCoordinates:
        """The principal axes from the (n, n) matrix of inner products, which is smaller when the
        samples are few."""
        rows = self.rows.seen
        total = np.zeros((self.count, self.count))
        for start in range(0, self.size, BLOCK):
            columns = rows[:, start : start + BLOCK].astype(float)
            total += columns @ columns.T
        covariance = total / max(self.count, 1)
        variances, vectors = principal_vectors(covariance)
        axes = self.matmul(vectors.T.astype(np.float32), rows)
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        return PrincipalCoordinates(axes, variances * self.scale**2, self.matmul)


def rows_by(engine: Engine | None, rows: ndarray | Tensor, spare: bool, exact: bool) -> Rows:
    """Rows where the engine computes, or on the host. `exact` products are for coordinates that are
    divided by the smallest deviations (and matter where a processor has a matrix unit)."""
    if engine and engine.on_device:
        there = rows if isinstance(rows, Tensor) else uploaded(engine, rows)
        return DeviceRows(engine, there)
    on_host = rows.array(write=spare) if isinstance(rows, Tensor) else rows
    return HostRows(on_host, spare, kernels_of(engine, exact))
