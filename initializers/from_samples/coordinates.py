"""White coordinates u of samples x: along their principal axes, or by a triangular matrix."""

from __future__ import annotations

import numpy as np

from ..products import Matmul

RELATIVE = 1e-6  # smallest variance, over the largest, that float32 products tell from rounding
ROUNDING = 5e-7  # smallest standard deviation, over the largest value: four units in the last place


class PrincipalCoordinates:
    """u = A (x - mean) / sqrt(variances).

    axes       A (rank, d)  orthonormal principal axes, by decreasing variance
    variances  (rank,)      variance of the samples along each axis, float64
    """

    triangular = False

    def __init__(self, axes: np.ndarray, variances: np.ndarray, matmul: Matmul):
        self.axes = axes
        self.variances = variances
        self.matmul = matmul
        self.rank = len(variances)

    def weights(self, directions: np.ndarray) -> np.ndarray:
        """The weights (m, d) that act on x as `directions` (m, rank) do on u."""
        whitening = self.axes / np.sqrt(self.variances)[:, None]
        return self.matmul(directions, whitening.astype(np.float32))

    def smoothed(self, part: float) -> tuple[np.ndarray, np.ndarray]:
        """S (rank, d) and B (rank, rank): s = S (x - mean) has variances v / (v + `part` of their
        mean), and what directions c do on s, c B do on u."""
        mean_variance = self.variances.sum() / self.axes.shape[1]
        shrink = np.sqrt(self.variances / (self.variances + part * mean_variance))
        factors = (shrink / np.sqrt(self.variances)).astype(np.float32)
        return self.axes * factors[:, None], np.diag(shrink).astype(np.float32)


class TriangularCoordinates:
    """u = L^-1 (x - mean), with the covariance L L^T, where samples vary in all directions.

    The same as along the principal axes except for a rotation, and found in a tenth of the time.
    Covariance and L are those of x / scale.
    """

    triangular = True

    def __init__(self, covariance: np.ndarray, factor: np.ndarray, scale: float, matmul: Matmul):
        self.covariance = covariance
        self.factor = factor
        self.scale = scale
        self.matmul = matmul
        self.rank = len(factor)

    def weights(self, directions: np.ndarray) -> np.ndarray:
        """The weights (m, d) that act on x as `directions` (m, rank) do on u."""
        from scipy.linalg import solve_triangular

        found = solve_triangular(self.factor, directions.T, trans=1, lower=True, check_finite=False)
        return (found.T / self.scale).astype(np.float32)

    def smoothed(self, part: float) -> tuple[np.ndarray, np.ndarray]:
        """S and B as of PrincipalCoordinates, in these coordinates; S is lower triangular."""
        from scipy.linalg.lapack import dtrtri

        added = part * np.trace(self.covariance) / self.rank
        smoothed = np.linalg.cholesky(self.covariance + added * np.eye(self.rank))
        inverse, _ = dtrtri(smoothed, lower=1)
        smooth = np.tril(inverse).astype(np.float32)
        back = self.matmul(smooth, self.factor.astype(np.float32))
        return smooth / np.float32(self.scale), back


Coordinates = PrincipalCoordinates | TriangularCoordinates


def cholesky_factor(covariance: np.ndarray) -> np.ndarray | None:
    """L, if the smallest variance is surely large enough: what is left of the covariance without it
    is positive."""
    floor = max(RELATIVE * float(np.linalg.norm(covariance)), ROUNDING**2)
    try:
        np.linalg.cholesky(covariance - floor * np.eye(len(covariance)))
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return None


def principal_vectors(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors (columns), the largest first, without mere rounding."""
    values, vectors = np.linalg.eigh(covariance)
    values = values[::-1]
    floor = max(RELATIVE * values.max(initial=0), ROUNDING**2)
    rank = int((values > floor).sum())
    return values[:rank], vectors[:, ::-1][:, :rank]
