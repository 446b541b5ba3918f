"""Convolution by cuDNN; or, where the kernel is one place, as products (pointwise.py); or image by
image: patches as columns (im2col) times the weights of each group (cuBLAS)."""

import functools
from collections.abc import Iterator
from math import prod

from ...errors import EngineError
from ...shapes import Shape, conv_extent
from ..interface import Ints, Window, op
from .array import ITEM, DeviceArray, check_count
from .cudnn import Cudnn, open_cudnn
from .cudnn_convolution import AXES, planned
from .cudnn_convolution import Convolution as Plan
from .geometry import box, strides, window_over
from .libraries import NotInstalled
from .pointwise import Pointwise, sums_pay


class Convolution(Pointwise):
    convolution: str
    deterministic: bool

    @functools.cached_property
    def cudnn(self) -> Cudnn | None:
        """None if cuDNN is not wanted or not installed. Raises EngineError if it is installed but
        cannot be used."""
        if self.convolution == 'CAFFE':
            return None
        try:
            return open_cudnn()
        except NotInstalled:
            if self.convolution == 'CUDNN':
                raise
            return None

    @op
    def im2col(self, x: DeviceArray, window: Window, *, out: DeviceArray) -> None:
        self.kernels.convolution.im2col(out.size, sliding(x.shape, window), x, out)

    @op
    def col2im(self, columns: DeviceArray, window: Window, *, out: DeviceArray) -> None:
        self.kernels.convolution.col2im(out.size, sliding(out.shape, window), columns, out)

    @op
    def patches(
        self, x: DeviceArray, window: Window, groups: int, positions: Ints, *, out: DeviceArray
    ) -> None:
        chosen = self.device.integers(positions)
        channels = x.shape[1] // groups
        slid = sliding(x.shape, window)
        self.kernels.convolution.patches(
            out.size, slid, groups, channels, len(positions), chosen, x, out
        )

    @op
    def conv_forward(
        self,
        x: DeviceArray,
        W: DeviceArray,
        window: Window,
        groups: int,
        bias: DeviceArray | None = None,
        rectify: bool = False,
        scale: DeviceArray | None = None,
        *,
        out: DeviceArray,
    ) -> None:
        if self._is_product(out, window, groups):
            self._product(x, W, out)
        elif rectify and bias and not scale and self._rectified(x, W, bias, window, groups, out):
            return
        elif not self._by_cudnn('Forward', x, W, out, window, groups):
            self._multiply_columns(x, W, window, groups, out)
        if scale or bias or rectify:
            self._finish(scale, bias, rectify, out)

    @op
    def conv_backward_data(
        self, dy: DeviceArray, W: DeviceArray, window: Window, groups: int, *, out: DeviceArray
    ) -> None:
        if self._is_product(dy, window, groups):
            self._product_backward_data(out, W, dy)
            return
        if self._by_cudnn('BackwardData', out, W, dy, window, groups):
            return
        m, k, p = per_group(W.shape, groups, dy.shape)
        slid = sliding(out.shape, window)
        columns = self._column_room(groups * k * p)
        for dy_n, dx_n in zip(dy, out, strict=True):
            target = dx_n if window.pointwise else columns
            matrices = (W.address, dy_n.address, target.address)
            self.blas.gemm(*matrices, k, p, m, transpose_a=True, count=groups)
            if not window.pointwise:
                self.kernels.convolution.col2im(dx_n.size, slid, columns, dx_n)

    @op
    def conv_backward_weights(
        self, x: DeviceArray, dy: DeviceArray, window: Window, groups: int, *, out: DeviceArray
    ) -> None:
        if self._is_product(dy, window, groups) and sums_pay(x, dy):
            self._product_backward_weights(x, out, dy)
            return
        if self._by_cudnn('BackwardFilter', x, out, dy, window, groups):
            return
        m, k, p = per_group(out.shape, groups, dy.shape)
        columns = self._columns(x, window, groups * k * p)
        for columns_n, dy_n in zip(columns, dy, strict=True):
            matrices = (dy_n.address, columns_n.address, out.address)
            self.blas.gemm(*matrices, m, k, p, transpose_b=True, accumulate=True, count=groups)

    @op
    def conv_squared_gradients(
        self, x: DeviceArray, dy: DeviceArray, window: Window, groups: int, *, out: DeviceArray
    ) -> None:
        m, k, p = per_group(out.shape, groups, dy.shape)
        columns = self._columns(x, window, groups * k * p)
        gradient = DeviceArray(self.device.scratch('gradient', ITEM * out.size), out.shape)
        for columns_n, dy_n in zip(columns, dy, strict=True):
            matrices = (dy_n.address, columns_n.address, gradient.address)
            self.blas.gemm(*matrices, m, k, p, transpose_b=True, count=groups)
            self.unary('power', gradient, 2, 1, 0, out=gradient)
            self.axpby(1, gradient, 1, out=out)

    def _is_product(self, y: DeviceArray, window: Window, groups: int) -> bool:
        """Whether a convolution is a product of matrices for each image."""
        one_place = window.pointwise and groups == 1
        return self.convolution == 'DEFAULT' and one_place and prod(y.shape[2:]) > 1

    def _rectified(
        self,
        x: DeviceArray,
        W: DeviceArray,
        bias: DeviceArray,
        window: Window,
        groups: int,
        out: DeviceArray,
    ) -> bool:
        """Let cuDNN compute ReLU(convolution + bias); False if that is not possible."""
        plan = self._planned(x, W, out, window, groups)
        return plan is not None and plan.rectified(x, W, bias, out)

    def _by_cudnn(
        self,
        direction: str,
        x: DeviceArray,
        W: DeviceArray,
        y: DeviceArray,
        window: Window,
        groups: int,
    ) -> bool:
        """Let cuDNN compute one of the three from the others; False if that is not wanted or not
        possible. Raises EngineError if it is not possible, and nothing else is wanted."""
        plan = self._planned(x, W, y, window, groups)
        if plan is None:
            return False
        done = plan.compute(direction, x, W, y)
        if not done and self.convolution == 'CUDNN':
            why = f' ({plan.failure})' if plan.failure else ''
            raise EngineError(
                f'cuDNN has no algorithm for Convolution{direction} of these shapes{why}: use '
                'engine: CAFFE'
            )
        return done

    def _planned(
        self, x: DeviceArray, W: DeviceArray, y: DeviceArray, window: Window, groups: int
    ) -> Plan | None:
        """What cuDNN knows of a convolution; None if it is not to compute it."""
        shapes = (x.shape, W.shape, y.shape)
        empty = 0 in x.shape + W.shape + y.shape
        if self.cudnn is None or empty or len(window.kernel) > max(AXES):
            return None
        return planned(self.cudnn, *shapes, window, groups, self.tf32, self.deterministic)

    def _multiply_columns(
        self, x: DeviceArray, W: DeviceArray, window: Window, groups: int, out: DeviceArray
    ) -> None:
        m, k, p = per_group(W.shape, groups, out.shape)
        columns = self._columns(x, window, groups * k * p)
        for columns_n, y in zip(columns, out, strict=True):
            self.blas.gemm(W.address, columns_n.address, y.address, m, p, k, count=groups)

    def _finish(
        self,
        scale: DeviceArray | None,
        bias: DeviceArray | None,
        rectify: bool,
        out: DeviceArray,
    ) -> None:
        """out = scale out + bias by channel, then ReLU, in one kernel."""
        n, channels, *positions = out.shape
        y = (n, channels, prod(positions))
        each = box(y, strides(y), strides((1, channels, 1)))
        self.kernels.normalization.scale_shift(out.size, each, out, scale, bias, rectify, out)

    def _columns(self, x: DeviceArray, window: Window, size: int) -> Iterator[DeviceArray]:
        """The columns of each image in turn, all in the same memory."""
        if window.pointwise:
            yield from x
            return
        slid = sliding(x.shape, window)
        columns = self._column_room(size)
        for image in x:
            self.kernels.convolution.im2col(size, slid, image, columns)
            yield columns

    def _column_room(self, size: int) -> DeviceArray:
        check_count(size, 'columns of an image', 'Use cuDNN, which needs none, or smaller images')
        return DeviceArray(self.device.scratch('columns', ITEM * size), (size,))


def per_group(W: Shape, groups: int, y: Shape) -> tuple[int, int, int]:
    """For each group: the outputs, the inputs that each output sees, and the positions."""
    return W[0] // groups, prod(W[1:]), prod(y[2:])


@functools.lru_cache(maxsize=4096)
def sliding(x: Shape, window: Window) -> bytes:
    """The Window over x (N, C, ...)."""
    image = x[2:]
    positions = tuple(conv_extent(n, *rest) for n, *rest in zip(image, *window, strict=True))
    return window_over(image, positions, window)
