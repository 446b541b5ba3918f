"""White coordinates u of samples x: along their principal axes, or by a triangular matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from ..products import Matmul

RELATIVE = 1e-6  # smallest variance / largest that float32 products resolve
ROUNDING = 5e-7  # smallest standard deviation / largest value: 4 units in the last place


class PrincipalCoordinates:
    """u = A (x - mean) / sqrt(variances).

    axes       A (rank, d)  orthonormal principal axes, by decreasing variance
    variances  (rank,)      variance of the samples along each axis, float64
    """

    triangular = False

    def __init__(self, axes: ndarray, variances: ndarray, matmul: Matmul):
        self.axes = axes
        self.variances = variances
        self.matmul = matmul
        self.rank = len(variances)

    def weights(self, directions: ndarray) -> ndarray:
        """The weights (m, d) that act on x as `directions` (m, rank) do on u."""
        deviations = np.sqrt(self.variances)
        whitening = self.axes / deviations[:, None]
        return self.matmul(directions, whitening.astype(np.float32))

    def smoothed(self, part: float) -> tuple[ndarray, ndarray]:
        """S (rank, d) and B (rank, rank): s = S (x - mean) has variances v / (v + `part` of their
        mean), and what directions c do on s, c B do on u."""
        size = self.axes.shape[1]
        added = part * (self.variances.sum() / size)
        shrink = np.sqrt(self.variances / (self.variances + added))
        factors = shrink / np.sqrt(self.variances)
        smooth = self.axes * factors.astype(np.float32)[:, None]
        back = np.diag(shrink)
        return smooth, back.astype(np.float32)


class TriangularCoordinates:
    """u = L^-1 (x - mean), with the covariance L L^T, where samples vary in all directions.

    The same as along the principal axes except for a rotation, and found in a tenth of the time.
    Covariance and L are those of x / scale.
    """

    triangular = True

    def __init__(self, covariance: ndarray, factor: ndarray, scale: float, matmul: Matmul):
        self.covariance = covariance
        self.factor = factor
        self.scale = scale
        self.matmul = matmul
        self.rank = len(factor)

    def weights(self, directions: ndarray) -> ndarray:
        """The weights (m, d) that act on x as `directions` (m, rank) do on u."""
        from scipy.linalg import solve_triangular

        found = solve_triangular(self.factor, directions.T, trans=1, lower=True, check_finite=False)
        return (found.T / self.scale).astype(np.float32)

    def smoothed(self, part: float) -> tuple[ndarray, ndarray]:
        """S and B as in PrincipalCoordinates, in these coordinates; S is lower triangular."""
        from scipy.linalg.blas import strmm
        from scipy.linalg.lapack import dtrtri

        added = part * np.trace(self.covariance) / self.rank
        smoothed: Any = factored(with_added(self.covariance, added))  # which has a factor
        inverse, _ = dtrtri(smoothed.T, overwrite_c=1)  # in the order that LAPACK does not copy
        smooth = inverse.T.astype(np.float32)
        factor = self.factor.astype(np.float32)
        if self.matmul is np.matmul:  # half the work for a triangular matrix
            back = strmm(1, smooth.T, factor.T, side=1, overwrite_b=1).T
        else:
            back = self.matmul(smooth, factor)
        return smooth / np.float32(self.scale), back


Coordinates = PrincipalCoordinates | TriangularCoordinates


def with_added(matrix: ndarray, number: float) -> ndarray:
    """The square matrix with a number added to its diagonal."""
    found = matrix.copy()
    found.flat[:: len(matrix) + 1] += number
    return found


def cholesky_factor(covariance: ndarray) -> ndarray | None:
    """L, if the smallest variance is certainly large enough: the covariance stays positive definite
    after subtracting it."""
    largest = float(np.linalg.norm(covariance))
    floor = max(RELATIVE * largest, ROUNDING**2)
    if factored(with_added(covariance, -floor)) is None:
        return None
    return factored(covariance.copy())


def factored(matrix: ndarray) -> ndarray | None:
    """L of a symmetric matrix L L^T, over the matrix; None if it is not positive definite."""
    from scipy.linalg.lapack import dpotrf

    upper, failed = dpotrf(matrix.T, lower=0, clean=1, overwrite_a=1)
    return None if failed else upper.T


def principal_vectors(covariance: ndarray) -> tuple[ndarray, ndarray]:
    """Eigenvalues and eigenvectors (columns), the largest first, without mere rounding."""
    values, vectors = np.linalg.eigh(covariance)
    values = values[::-1]
    vectors = vectors[:, ::-1]
    floor = max(RELATIVE * values.max(initial=0), ROUNDING**2)
    rank = np.count_nonzero(values > floor)
    return values[:rank], vectors[:, :rank]
