"""Pooling and pyramids of it: MaxPool, AveragePool; F.max_pool2d, F.avg_pool2d.

Caffe rounds the number of windows up, so the last one may reach beyond the padding, and an average
counts only the part of the padding that Caffe declares. Both are said by pads of one's own here,
never by ceil_mode, which frameworks round in different ways.
"""

import numpy as np

from ...netlib.shapes import pool_extent
from ..fields import pair
from ..registry import Inexpressible, onnx, torch
from ..text import arguments, plain

POOLING = 'it is STOCHASTIC, or an average or a mask of a window that sees nothing'
LOWEST = -3.4028234663852886e38  # what MAX gives for a window that sees nothing


class Window:
    """A pooling window over images of a size: kernel, stride, pad at both ends, positions."""

    def __init__(self, size, kernel, stride, pad, extents):
        self.size, self.kernel, self.stride, self.pad = size, kernel, stride, pad
        self.extents = extents
        self.behind = []
        for n, k, s, p, o in zip(size, kernel, stride, pad, extents, strict=True):
            self.behind.append(max(0, (o - 1) * s + k - n - p))

    @property
    def whole(self) -> bool:
        """Whether it sees the whole image at once."""
        return self.kernel == tuple(self.size) and not any((*self.pad, *self.behind))

    @property
    def outside(self) -> bool:
        """Whether a window lies wholly beyond the image."""
        ends = zip(self.behind, self.kernel, strict=True)
        return any(behind >= kernel for behind, kernel in ends)

    def seen(self) -> np.ndarray:
        """How many elements Caffe divides by, at each position."""
        along = []
        for n, k, s, p, o in zip(
            self.size, self.kernel, self.stride, self.pad, self.extents, strict=True
        ):
            start = np.arange(o) * s - p
            along.append(np.minimum(start + k, n + p) - start)
        return np.outer(*along)

    def correction(self) -> np.ndarray | None:
        """By what an average over whole windows is to be multiplied; None where by nothing."""
        seen = self.seen()
        whole = self.kernel[0] * self.kernel[1]
        if (seen == whole).all():
            return None
        if (seen <= 0).any():
            raise Inexpressible('a window sees nothing, and its average is 0 / 0')
        return (whole / seen).astype(np.float32)


def pooling_window(step) -> Window:
    p = step.param.pooling_param
    size = step.x[2:]
    kernel = size if p.global_pooling else pair(p, 'kernel_size', 'kernel')
    return Window(
        size, tuple(kernel), pair(p, 'stride', 'stride', 1), pair(p, 'pad', 'pad'), step.y[2:]
    )


def is_max(p) -> bool:
    if p.pool == p.STOCHASTIC:
        raise Inexpressible('pool: STOCHASTIC, which goodinit does not compute either')
    return p.pool == p.MAX


# -- ONNX


@onnx('Pooling', unless=POOLING)
def pooling(g, step, x):
    window = pooling_window(step)
    if not is_max(step.param.pooling_param):
        return average(g, x, window)
    if len(step.tops) == 1:
        return largest(g, x, window)
    y, places = g.ops('MaxPool', x, outputs=2, **slide(window))
    # Places are counted over the whole tensor, Caffe's over one channel.
    area = window.size[0] * window.size[1]
    return [y, g.cast(g.op('Mod', places, np.array(area)), 'float')]


def slide(window):
    if window.outside:
        raise Inexpressible('a window lies wholly beyond the image, with nothing to pool')
    pads = [*window.pad, *window.behind]
    return {'kernel_shape': list(window.kernel), 'strides': list(window.stride), 'pads': pads}


def largest(g, x, window):
    if window.whole:
        return g.op('GlobalMaxPool', x)
    if window.outside:
        pads = [0, 0, *window.pad, 0, 0, *window.behind]
        x = g.op('Pad', x, pads, LOWEST)
        kernel, stride = list(window.kernel), list(window.stride)
        return g.op('MaxPool', x, kernel_shape=kernel, strides=stride)
    return g.op('MaxPool', x, **slide(window))


def average(g, x, window):
    if window.whole:
        return g.op('GlobalAveragePool', x)
    correction = window.correction()
    pads = {'count_include_pad': 1} if any((*window.pad, *window.behind)) else {}
    y = g.op('AveragePool', x, **slide(window), **pads)
    return y if correction is None else g.op('Mul', y, correction)


@onnx('SPP')
def spp(g, step, x):
    p = step.param.spp_param
    pool = largest if is_max(p) else average
    levels = [pool(g, x, window) for window in pyramid(step)]
    if len(levels) == 1:
        return levels[0]
    return g.op('Concat', *[g.op('Flatten', level, axis=1) for level in levels], axis=1)


def pyramid(step):
    """The windows of spatial pyramid pooling: 1, 2, 4, ... bins along each axis."""
    for level in range(step.param.spp_param.pyramid_height):
        bins, size = 2**level, step.x[2:]
        kernel = tuple(-(-n // bins) for n in size)
        pad = tuple((k * bins - n + 1) // 2 for k, n in zip(kernel, size, strict=True))
        extents = []
        for n, k, p in zip(size, kernel, pad, strict=True):
            extents.append(pool_extent(n, k, k, p, padded=any(pad)))
        yield Window(size, kernel, kernel, pad, extents)


# -- PyTorch


@torch('Pooling', unless=POOLING)
def pooling_torch(t, step, x):
    p, window = step.param.pooling_param, pooling_window(step)
    if len(step.tops) > 1:
        return t.call('max_pool_with_places', x, **spelled(window))
    return pool_torch(t, x, window, is_max(p))


def pool_torch(t, x, window, largest):
    if window.whole:
        return f'{x}.amax((2, 3), keepdim=True)' if largest else f'{x}.mean((2, 3), keepdim=True)'
    rounding = torch_rounding(window)
    if rounding is None:
        return t.call('max_pool' if largest else 'average_pool', x, **spelled(window))
    made = arguments(
        x, plain(window.kernel), plain(window.stride), padding=plain(window.pad), **rounding
    )
    return f'F.{"max" if largest else "avg"}_pool2d({made})'


def torch_rounding(window) -> dict | None:
    """With what ceil_mode PyTorch finds Caffe's windows; None where with neither."""
    if any(2 * p > k for p, k in zip(window.pad, window.kernel, strict=True)):
        return None
    down, up = [], []
    for n, k, s, p in zip(window.size, window.kernel, window.stride, window.pad, strict=True):
        down.append((n + 2 * p - k) // s + 1)
        more = -(-(n + 2 * p - k) // s) + 1
        up.append(more - ((more - 1) * s >= n + p))
    if down == list(window.extents):
        return {}
    return {'ceil_mode': True} if up == list(window.extents) else None


def spelled(window) -> dict:
    """The window as arguments of our own functions."""
    made = {'kernel': window.kernel, 'stride': window.stride, 'pad': window.pad}
    return {**made, 'behind': tuple(window.behind)}


@torch('SPP')
def spp_torch(t, step, x):
    largest = is_max(step.param.spp_param)
    levels = [pool_torch(t, x, window, largest) for window in pyramid(step)]
    if len(levels) == 1:
        return levels[0]
    flat = ', '.join(f'{level}.flatten(1)' for level in levels)
    return f'torch.cat([{flat}], 1)'
