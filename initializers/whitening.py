"""Principal axes of the samples that reach a layer, and the coordinates in which the samples are white."""
from collections.abc import Iterator

import numpy as np

BLOCK = 4096          # rows per matrix product: float32 within a block, float64 over several
LARGEST = 1e37        # beyond it a difference of two float32 values can overflow
RELATIVE = 1e-6       # smallest variance, over the largest, that float32 products tell from rounding
ROUNDING = 5e-7       # smallest standard deviation, over the largest value: four units in the last place


class WhiteSamples:
    """Samples x (n, d) seen in white coordinates u = (x - mean) A^T / sqrt(variances): mean 0, covariance I.

    axes       A (rank, d)  orthonormal principal axes, by decreasing variance
    variances  (rank,)      variance of the samples along each axis, float64
    usable     (n,)         rows that hold neither NaN nor Inf; all else is computed from them

    Only directions in which the samples vary are kept: with a variance above 1e-6 of the largest (products of
    float32 values resolve little less) and above the rounding of the values themselves. Nothing is added to
    the variances kept, so the coordinates are exactly white. Constant samples have rank 0.
    """

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows
        blocks = [rows[start:start + BLOCK] for start in range(0, len(rows), BLOCK)]
        self.usable = np.concatenate([np.zeros(0, bool), *((abs(b) < LARGEST).all(axis=1) for b in blocks)])
        self.count = int(self.usable.sum())
        self.mean = np.zeros(rows.shape[1], np.float32)
        self.scale = 1.0
        if self.count:
            self.mean, self.scale = self._mean_and_scale()
        covariance_or_gram = self._gram if self.count < rows.shape[1] else self._covariance
        self.axes, self.variances = covariance_or_gram()

    @property
    def rank(self) -> int:
        return len(self.variances)

    def centred(self) -> Iterator[np.ndarray]:
        """The usable rows less their mean, in blocks; each block is overwritten by the next."""
        scratch = np.empty((min(BLOCK, len(self.rows)), self.rows.shape[1]), np.float32)
        for start in range(0, len(self.rows), BLOCK):
            block, usable = self.rows[start:start + BLOCK], self.usable[start:start + BLOCK]
            block = block if usable.all() else block[usable]
            yield np.subtract(block, self.mean, out=scratch[:len(block)])

    def project(self, matrix: np.ndarray) -> np.ndarray:
        """(x - mean) matrix^T for all usable rows: (count, len(matrix)) float32."""
        out = np.empty((self.count, len(matrix)), np.float32)
        start = 0
        for block in self.centred():
            np.matmul(block, matrix.T, out=out[start:start + len(block)])
            start += len(block)
        return out

    def _mean_and_scale(self) -> tuple[np.ndarray, float]:
        total, largest = np.zeros(self.rows.shape[1]), 0.0
        for block in self.centred():
            total += block.sum(axis=0, dtype=np.float64)
            largest = max(largest, float(abs(block).max(initial=0)))
        return (total / self.count).astype(np.float32), largest or 1.0

    def _covariance(self) -> tuple[np.ndarray, np.ndarray]:
        """Axes and variances from the (d, d) covariance matrix."""
        # The roundings of few rows do not average out, and float64 costs little for them.
        dtype = np.float64 if len(self.rows) <= BLOCK else np.float32
        size = self.rows.shape[1]
        total, product = np.zeros((size, size)), np.empty((size, size), dtype)
        for block in self.centred():
            block = (block / np.float32(self.scale)).astype(dtype, copy=False)
            total += np.matmul(block.T, block, out=product)
        variances, vectors = self._principal(total)
        return np.ascontiguousarray(vectors.T, np.float32), variances * self.scale ** 2

    def _gram(self) -> tuple[np.ndarray, np.ndarray]:
        """The same from the (n, n) matrix of inner products, which is smaller when the samples are few."""
        rows = np.concatenate([np.zeros((0, self.rows.shape[1]), np.float32), *map(np.copy, self.centred())])
        rows /= self.scale
        total = np.zeros((self.count, self.count))
        for start in range(0, rows.shape[1], BLOCK):
            columns = rows[:, start:start + BLOCK].astype(np.float64)
            total += columns @ columns.T
        variances, vectors = self._principal(total)
        axes = vectors.T.astype(np.float32) @ rows
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        return axes, variances * self.scale ** 2

    def _principal(self, scatter: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues / count and eigenvectors (columns) of a scatter matrix, without mere rounding."""
        values, vectors = np.linalg.eigh(scatter)
        values = values[::-1] / max(self.count, 1)
        floor = max(RELATIVE * values.max(initial=0), ROUNDING ** 2)
        rank = int((values > floor).sum())
        return values[:rank], vectors[:, ::-1][:, :rank]
