"""Products of large matrices: NumPy's, or those of an engine that computes on a device."""

from collections.abc import Callable

import numpy as np
from numpy import ndarray

from ..netlib.engines import Engine
from ..netlib.memory import Tensor

Matmul = Callable[..., ndarray]  # called like np.matmul: two matrices, optional out=


def matmul_of(engine: Engine | None) -> Matmul:
    """The matrix product for a net with this engine; None means the CPU."""
    if engine and engine.on_device:
        return DeviceMatmul(engine)
    return np.matmul


class DeviceMatmul:
    """np.matmul for float32 matrices by the engine's `gemm`: copies them to the device, and the
    product back. A matrix by its own transpose is copied once.

    Matrices of float64, which devices do not support, stay on the host.
    """

    def __init__(self, engine: Engine):
        self.engine = engine

    def __call__(self, a: ndarray, b: ndarray, out: ndarray | None = None) -> ndarray:
        if a.dtype != np.float32 or b.dtype != np.float32:
            return np.matmul(a, b, out=out)
        product = self.engine.tensor(len(a), b.shape[1])
        x, transpose_a = self._uploaded(a)
        if is_transpose(a, b):
            y, transpose_b = x, not transpose_a
        else:
            y, transpose_b = self._uploaded(b)
        self.engine.gemm(x, y, out=product, transpose_a=transpose_a, transpose_b=transpose_b)
        if out is None:
            return product.array()
        out[:] = product.array()
        return out

    def _uploaded(self, matrix: ndarray) -> tuple[Tensor, bool]:
        """The matrix in its memory layout, and whether that is transposed."""
        transposed = matrix.strides[0] < matrix.strides[1]
        rows = matrix.T if transposed else matrix
        return uploaded(self.engine, rows), transposed


def is_transpose(a: ndarray, b: ndarray) -> bool:
    """Whether b is a's transpose in the same memory."""
    same = a.shape == b.T.shape and a.strides == b.T.strides
    return same and a.ctypes.data == b.ctypes.data


def uploaded(engine: Engine, values: ndarray) -> Tensor:
    """A new tensor of these values; they go to the device, if there is one, with the first op."""
    tensor = engine.tensor(*values.shape)
    tensor.set(values)
    return tensor
