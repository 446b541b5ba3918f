"""Convolution image by image: its patches as columns (im2col), times the weights of each group (cuBLAS)."""
from math import prod

from ...shapes import conv_extent
from ..interface import Engine
from .device import Device, DeviceArray
from .geometry import window_over


class Convolution(Engine):
    device: Device

    def im2col(self, x, window, *, out):
        self.device.per_element('convolution', 'im2col', out.size, sliding(x, window), x, out)

    def col2im(self, columns, window, *, out):
        self.device.per_element('convolution', 'col2im', out.size, sliding(out, window), columns, out)

    def patches(self, x, window, groups, positions, *, out):
        self.device.per_element('convolution', 'patches', out.size, sliding(x, window), groups,
                                x.shape[1] // groups, len(positions), self.device.integers(positions), x, out)

    def conv_forward(self, x, W, window, groups, *, out):
        m, k, p = per_group(W, groups, out)
        for columns, y in zip(self._columns(x, window, groups * k * p), out, strict=True):
            self.device.blas.gemm(W.address, columns.address, y.address, m, p, k, count=groups)

    def conv_backward_data(self, dy, W, window, groups, *, out):
        m, k, p = per_group(W, groups, dy)
        slid, columns = sliding(out, window), self._room(groups * k * p)
        for dy_n, dx_n in zip(dy, out, strict=True):
            target = dx_n if window.pointwise else columns
            self.device.blas.gemm(W.address, dy_n.address, target.address, k, p, m, transpose_a=True, count=groups)
            if not window.pointwise:
                self.device.per_element('convolution', 'col2im', dx_n.size, slid, columns, dx_n)

    def conv_backward_weights(self, x, dy, window, groups, *, out):
        m, k, p = per_group(out, groups, dy)
        for columns, dy_n in zip(self._columns(x, window, groups * k * p), dy, strict=True):
            self.device.blas.gemm(dy_n.address, columns.address, out.address, m, k, p, transpose_b=True,
                                  accumulate=True, count=groups)

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
    return window_over(image, tuple(conv_extent(n, *rest) for n, *rest in zip(image, *window, strict=True)), window)
