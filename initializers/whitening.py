"""Coordinates in which the samples that reach a layer are white: along their principal axes, or any
others."""

import functools
from collections.abc import Iterator

import numpy as np

from ..netlib.engines import Engine
from .products import matmul_of

BLOCK = 4096  # rows per matrix product: float32 within a block, float64 over several
LARGEST = 1e37  # beyond it a difference of two float32 values can overflow
RELATIVE = 1e-6  # smallest variance, over the largest, that float32 products tell from rounding
ROUNDING = 5e-7  # smallest standard deviation, over the largest value: four units in the last place


class WhiteSamples:
    """Samples x (n, d) seen in white coordinates u: mean 0, covariance I.

    `principal`: u = A (x - mean) / sqrt(variances). Else, where the samples vary in all directions,
    u = L^-1 (x - mean) with the covariance L L^T: the same but for a rotation, and found in a tenth
    of the time.

    axes       A (rank, d)  orthonormal principal axes, by decreasing variance
    variances  (rank,)      variance of the samples along each axis, float64
    usable     (n,)         rows that hold neither NaN nor Inf; all else is computed from them

    Only directions in which the samples vary are kept: with a variance above 1e-6 of the largest
    (products of float32 values resolve little less) and above the rounding of the values
    themselves. Nothing is added to the variances kept, so the coordinates are exactly white.
    Constant samples have rank 0. Products of float32 are the engine's if it computes on a device.
    """

    def __init__(
        self, rows: np.ndarray, principal: bool = True, engine: Engine | None = None
    ) -> None:
        self.rows, self.engine, self.matmul = rows, engine, matmul_of(engine)
        blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
        self.usable = np.concatenate(
            [np.zeros(0, bool), *((abs(b) < LARGEST).all(axis=1) for b in blocks)]
        )
        self.count, self.size = int(self.usable.sum()), rows.shape[1]
        self.mean = np.zeros(self.size, np.float32)
        self.scale = 1.0
        if self.count:
            self.mean, self.scale = self._mean_and_scale()
        # Of x / scale, and its L; None where samples are few, or the rank is not surely full.
        self._covariance = None if self.count < self.size else self._scatter() / max(self.count, 1)
        self._factor = (
            None if principal or self._covariance is None else _cholesky(self._covariance)
        )

    @functools.cached_property
    def _axes_and_variances(self) -> tuple[np.ndarray, np.ndarray]:
        return (
            self._of_gram() if self._covariance is None else self._of_covariance(self._covariance)
        )

    @property
    def axes(self) -> np.ndarray:
        return self._axes_and_variances[0]

    @property
    def variances(self) -> np.ndarray:
        return self._axes_and_variances[1]

    @property
    def rank(self) -> int:
        return len(self.variances) if self._factor is None else self.size

    def weights(self, directions: np.ndarray) -> np.ndarray:
        """The weights (m, d) that act on x as `directions` (m, rank) do on u."""
        if self._factor is None:
            return self.matmul(
                directions, (self.axes / np.sqrt(self.variances)[:, None]).astype(np.float32)
            )
        from scipy.linalg import solve_triangular

        found = solve_triangular(
            self._factor, directions.T, trans=1, lower=True, check_finite=False
        )
        return (found.T / self.scale).astype(np.float32)

    def smoothed(self, part: float) -> tuple[np.ndarray, np.ndarray]:
        """S (rank, d) and B (rank, rank): s = S (x - mean) has variances v / (v + `part` of their
        mean), and what directions c do on s, c B do on u."""
        if self._covariance is None or self._factor is None:
            mean_variance = self.variances.sum() / self.size
            shrink = np.sqrt(self.variances / (self.variances + part * mean_variance))
            return self.axes * (shrink / np.sqrt(self.variances)).astype(np.float32)[
                :, None
            ], np.diag(shrink).astype(np.float32)
        from scipy.linalg.lapack import dtrtri

        added = part * np.trace(self._covariance) / self.size
        inverse = np.tril(
            dtrtri(np.linalg.cholesky(self._covariance + added * np.eye(self.size)), lower=1)[0]
        )
        smooth = inverse.astype(np.float32)
        return smooth / np.float32(self.scale), self.matmul(smooth, self._factor.astype(np.float32))

    def centred(self) -> Iterator[np.ndarray]:
        """The usable rows less their mean, in blocks; each block is overwritten by the next."""
        scratch = np.empty((min(BLOCK, len(self.rows)), self.rows.shape[1]), np.float32)
        for start in range(0, len(self.rows), BLOCK):
            block, usable = self.rows[start : start + BLOCK], self.usable[start : start + BLOCK]
            block = block if usable.all() else block[usable]
            yield np.subtract(block, self.mean, out=scratch[: len(block)])

    def project(self, matrix: np.ndarray) -> np.ndarray:
        """(x - mean) matrix^T for all usable rows: (count, len(matrix)) float32; `matrix` is S of
        `smoothed`."""
        from scipy.linalg.blas import strmm

        out = np.empty((self.count, len(matrix)), np.float32)
        start = 0
        for block in self.centred():
            part = out[start : start + len(block)]
            if self._factor is None or self.matmul is not np.matmul:
                self.matmul(block, matrix.T, out=part)
            else:  # S is triangular: half the work, in place
                part[:] = block
                strmm(1, matrix.T, part.T, trans_a=1, overwrite_b=1)
            start += len(block)
        return out

    def _mean_and_scale(self) -> tuple[np.ndarray, float]:
        total, largest = np.zeros(self.rows.shape[1]), 0.0
        for block in self.centred():
            total += block.sum(axis=0, dtype=np.float64)
            largest = max(largest, float(abs(block).max(initial=0)))
        return (total / self.count).astype(np.float32), largest or 1.0

    def _scatter(self) -> np.ndarray:
        """The (d, d) sum of the outer products of (x - mean) / scale."""
        # The roundings of few rows do not average out, and float64 costs little for them.
        dtype = np.float64 if len(self.rows) <= BLOCK else np.float32
        total, product = np.zeros((self.size, self.size)), np.empty((self.size, self.size), dtype)
        for block in self.centred():
            block = (block / np.float32(self.scale)).astype(dtype, copy=False)
            total += self.matmul(block.T, block, out=product)
        return total

    def _of_covariance(self, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        variances, vectors = _principal(covariance)
        return np.ascontiguousarray(vectors.T, np.float32), variances * self.scale**2

    def _of_gram(self) -> tuple[np.ndarray, np.ndarray]:
        """The same from the (n, n) matrix of inner products, which is smaller when the samples are
        few."""
        rows = np.concatenate([np.zeros((0, self.size), np.float32), *map(np.copy, self.centred())])
        rows /= self.scale
        total = np.zeros((self.count, self.count))
        for start in range(0, rows.shape[1], BLOCK):
            columns = rows[:, start : start + BLOCK].astype(np.float64)
            total += columns @ columns.T
        variances, vectors = _principal(total / max(self.count, 1))
        axes = self.matmul(vectors.T.astype(np.float32), rows)
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        return axes, variances * self.scale**2


def _cholesky(covariance: np.ndarray) -> np.ndarray | None:
    """L, if the smallest variance is surely large enough: what is left of the covariance without it
    is positive."""
    floor = max(RELATIVE * float(np.linalg.norm(covariance)), ROUNDING**2)
    try:
        np.linalg.cholesky(covariance - floor * np.eye(len(covariance)))
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return None


def _principal(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors (columns), the largest first, without mere rounding."""
    values, vectors = np.linalg.eigh(covariance)
    values = values[::-1]
    floor = max(RELATIVE * values.max(initial=0), ROUNDING**2)
    rank = int((values > floor).sum())
    return values[:rank], vectors[:, ::-1][:, :rank]
