"""Convolutions whose kernel is one place: products of matrices, one for each image.

With x (N, K, P), W (M, K) and y (N, M, P), image n has y = W x, dx = W' dy, and adds dy x' to dW.
cuBLAS computes those of all images in one call, without the copies in another order that cuDNN
makes first.
"""

from math import prod

from .arithmetic import Arithmetic
from .array import ITEM, DeviceArray


class Pointwise(Arithmetic):
    def _product(self, x: DeviceArray, W: DeviceArray, y: DeviceArray) -> None:
        """y = W x."""
        n, k, m, p = extents(x, y)
        self.blas.gemm(W.address, x.address, y.address, m, p, k, count=n, shared_a=True)

    def _product_backward_data(self, x: DeviceArray, W: DeviceArray, y: DeviceArray) -> None:
        """x = W' y."""
        n, k, m, p = extents(x, y)
        matrices = (W.address, y.address, x.address)
        self.blas.gemm(*matrices, k, p, m, transpose_a=True, count=n, shared_a=True)

    def _product_backward_weights(self, x: DeviceArray, W: DeviceArray, y: DeviceArray) -> None:
        """W += the sum over images of y x', which are kept apart until they are added up."""
        n, k, m, p = extents(x, y)
        parts = DeviceArray(self.device.scratch('gradients', ITEM * n * m * k), (n, m * k))
        self.blas.gemm(y.address, x.address, parts.address, m, k, p, transpose_b=True, count=n)
        total = DeviceArray(W.address, (1, m * k))
        self.sum(parts, out=total, accumulate=True)


def sums_pay(x: DeviceArray, y: DeviceArray) -> bool:
    """Whether the weights' gradient is computed so: where the products of all images are no more
    numbers than x and y. With more to add up, TF32 gains nothing, and float32 less, on an H200."""
    n, k, m, _ = extents(x, y)
    return n * m * k <= x.size + y.size


def extents(x: DeviceArray, y: DeviceArray) -> tuple[int, int, int, int]:
    """The images, the inputs, the outputs and the positions."""
    return x.shape[0], x.shape[1], y.shape[1], prod(x.shape[2:])
