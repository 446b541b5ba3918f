"""Convolution by cuDNN, or image by image: its patches as columns (im2col) times the weights of
each group (cuBLAS)."""

import functools
from math import prod

from ...errors import EngineError
from ...shapes import conv_extent
from .arithmetic import Arithmetic
from .cudnn import AXES, Cudnn, open_cudnn
from .device import DeviceArray
from .geometry import box, strides, window_over


class Convolution(Arithmetic):
    convolution: str
    deterministic: bool

    @functools.cached_property
    def cudnn(self) -> Cudnn | None:
        try:
            return open_cudnn() if self.convolution != 'CAFFE' else None
        except EngineError:
            if self.convolution == 'CUDNN':
                raise
            return None

    def im2col(self, x, window, *, out):
        self.device.per_element('convolution', 'im2col', out.size, sliding(x, window), x, out)

    def col2im(self, columns, window, *, out):
        self.device.per_element(
            'convolution', 'col2im', out.size, sliding(out, window), columns, out
        )

    def patches(self, x, window, groups, positions, *, out):
        self.device.per_element(
            'convolution',
            'patches',
            out.size,
            sliding(x, window),
            groups,
            x.shape[1] // groups,
            len(positions),
            self.device.integers(positions),
            x,
            out,
        )

    def conv_forward(self, x, W, window, groups, bias=None, rectify=False, scale=None, *, out):
        m, k, p = per_group(W, groups, out)
        if plan := self._plan('Forward', x, W, out, window, groups):
            plan.forward(x, W, out)
        else:
            for columns, y in zip(self._columns(x, window, groups * k * p), out, strict=True):
                self.blas.gemm(W.address, columns.address, y.address, m, p, k, count=groups)
        if scale or bias or rectify:
            y, each = (x.shape[0], groups * m, p), (1, groups * m, 1)
            self.device.per_element(
                'normalization',
                'scale_shift',
                out.size,
                box(y, strides(y), strides(each)),
                out,
                scale,
                bias,
                int(rectify),
                out,
            )

    def conv_backward_data(self, dy, W, window, groups, *, out):
        if plan := self._plan('BackwardData', out, W, dy, window, groups):
            plan.backward_data(dy, W, out)
            return
        m, k, p = per_group(W, groups, dy)
        slid, columns = sliding(out, window), self._room(groups * k * p)
        for dy_n, dx_n in zip(dy, out, strict=True):
            target = dx_n if window.pointwise else columns
            self.blas.gemm(
                W.address, dy_n.address, target.address, k, p, m, transpose_a=True, count=groups
            )
            if not window.pointwise:
                self.device.per_element('convolution', 'col2im', dx_n.size, slid, columns, dx_n)

    def conv_backward_weights(self, x, dy, window, groups, *, out):
        if plan := self._plan('BackwardFilter', x, out, dy, window, groups):
            plan.backward_weights(x, dy, out)
            return
        m, k, p = per_group(out, groups, dy)
        for columns, dy_n in zip(self._columns(x, window, groups * k * p), dy, strict=True):
            self.blas.gemm(
                dy_n.address,
                columns.address,
                out.address,
                m,
                k,
                p,
                transpose_b=True,
                accumulate=True,
                count=groups,
            )

    def conv_squared_gradients(self, x, dy, window, groups, *, out):
        m, k, p = per_group(out, groups, dy)
        gradient = DeviceArray(self.device.scratch('gradient', 4 * out.size), out.shape)
        for columns, dy_n in zip(self._columns(x, window, groups * k * p), dy, strict=True):
            self.blas.gemm(
                dy_n.address,
                columns.address,
                gradient.address,
                m,
                k,
                p,
                transpose_b=True,
                count=groups,
            )
            self.unary('power', gradient, 2, 1, 0, out=gradient)
            self.axpby(1, gradient, 1, out=out)

    def _plan(self, name, x, W, y, window, groups):
        """The convolution by cuDNN; None where that is not to be used, or cannot."""
        if self.cudnn is None or 0 in x.shape + W.shape + y.shape or len(window.kernel) > max(AXES):
            return None
        plan = self.cudnn.convolution(
            x.shape, W.shape, y.shape, window, groups, self.tf32, self.deterministic
        )
        return plan if self.convolution == 'CUDNN' or plan.algorithm(name) else None

    def _columns(self, x, window, size):
        """The columns of one image after the other, in one room used again and again."""
        if window.pointwise:
            yield from x
            return
        slid, columns = sliding(x, window), self._room(size)
        for image in x:
            self.device.per_element('convolution', 'im2col', size, slid, image, columns)
            yield columns

    def _room(self, size):
        return DeviceArray(self.device.scratch('columns', 4 * size), (size,))


def per_group(W, groups, y):
    """Of each group: its outputs, what each of them sees, and the positions."""
    return W.shape[0] // groups, prod(W.shape[1:]), prod(y.shape[2:])


def sliding(x, window):
    """The Window over x (N, C, ...)."""
    image = x.shape[2:]
    return window_over(
        image, tuple(conv_extent(n, *rest) for n, *rest in zip(image, *window, strict=True)), window
    )
