"""Max and average pooling over two spatial axes."""
from ..interface import Engine
from .device import Device
from .geometry import window_over


class Pooling(Engine):
    device: Device

    def pool_max_forward(self, x, window, *, out, mask=None):
        self._pool('max_forward', out.size, x, out, window, x, out, mask)

    def pool_max_backward(self, x, y, dy, window, *, out):
        self._pool('max_backward', x.size, x, y, window, x, y, dy, out)

    def pool_mask_backward(self, dy, mask, window, *, out):
        self._pool('mask_backward', out.size, out, dy, window, dy, mask, out)

    def pool_ave_forward(self, x, window, *, out):
        self._pool('ave_forward', out.size, x, out, window, x, out)

    def pool_ave_backward(self, dy, window, *, out):
        self._pool('ave_backward', out.size, out, dy, window, dy, out)

    def _pool(self, kernel, n, x, y, window, *arrays):
        self.device.per_element('pooling', kernel, n, window_over(x.shape[2:], y.shape[2:], window), *arrays)
