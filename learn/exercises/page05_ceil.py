"""Page 5: Caffe's ceil."""

import numpy as np

from ...netlib import shapes
from ..exercise import exercise
from ..made_up import numbers
from ..one_layer import one_layer, output

WINDOWS = [
    {'size': 4, 'kernel': 2, 'stride': 2, 'pad': 0},
    {'size': 7, 'kernel': 2, 'stride': 2, 'pad': 0},
    {'size': 112, 'kernel': 3, 'stride': 2, 'pad': 0},
    {'size': 6, 'kernel': 3, 'stride': 2, 'pad': 1},
    {'size': 5, 'kernel': 2, 'stride': 2, 'pad': 1},
    {'size': 3, 'kernel': 2, 'stride': 3, 'pad': 1},
]


@exercise('5.1', 'the positions of a pooling window', WINDOWS)
def pool_extent(size: int, kernel: int, stride: int, pad: int) -> int:
    """How many positions a pooling window has along one axis, as Caffe counts them.

    Caffe rounds up: (size + 2 pad - kernel) / stride + 1, so the last window may extend beyond the
    image. With padding there is one more rule: a last window that would start at size + pad or
    beyond is dropped.
    """
    return shapes.pool_extent(size, kernel, stride, pad, padded=pad > 0)


@pool_extent.mistake('it rounds down, as PyTorch does; Caffe rounds up')
def floor(size, kernel, stride, pad):
    return (size + 2 * pad - kernel) // stride + 1


@pool_extent.mistake('a last window that starts beyond the image and its padding is not dropped')
def undropped(size, kernel, stride, pad):
    return -(-(size + 2 * pad - kernel) // stride) + 1


@pool_extent.mistake('the padding counts on one side; it is on both')
def padded_once(size, kernel, stride, pad):
    return shapes.pool_extent(size + pad, kernel, stride, 0)


@pool_extent.mistake('it rounds with the 1 inside: 1 more whenever the division is exact')
def one_more(size, kernel, stride, pad):
    return (size + 2 * pad - kernel) // stride + 2


IMAGES = [
    {'x': numbers(0, 1, 1, 4, 4), 'kernel': 2, 'stride': 2, 'pad': 0},
    {'x': numbers(1, 1, 1, 4, 4), 'kernel': 3, 'stride': 2, 'pad': 0},
    {'x': numbers(2, 1, 2, 5, 5), 'kernel': 3, 'stride': 2, 'pad': 1},
    {'x': numbers(3, 2, 1, 4, 6), 'kernel': 3, 'stride': 3, 'pad': 1},
]


@exercise('5.2', "Caffe's average pooling", IMAGES)
def average_pool(x: np.ndarray, kernel: int, stride: int, pad: int) -> np.ndarray:
    """The output of a Pooling layer with pool: AVE.

    x       (N, C, H, W), with `pad` zeros around each image
    returns (N, C, H', W'), rounded up as in exercise 5.1

    The divisor is the number of places of the window that lie in the padded image: padding counts
    as zeros, but what lies beyond the padding does not count at all.
    """
    fields = f'pool: AVE kernel_size: {kernel} stride: {stride} pad: {pad}'
    return output(one_layer(f'type: "Pooling" pooling_param {{ {fields} }}', x))


def inside(x, kernel, stride, pad):
    """How many places of each window lie in the image itself."""
    return area(x, kernel, stride, pad) * average_pool.solution(
        np.ones_like(x), kernel, stride, pad
    )


def area(x, kernel, stride, pad):
    """How many places of each window lie in the padded image."""
    lengths = []
    for size in x.shape[2:]:
        positions = shapes.pool_extent(size, kernel, stride, pad, padded=pad > 0)
        begins = np.arange(positions) * stride - pad
        lengths.append(np.minimum(begins + kernel, size + pad) - begins)
    return np.outer(*lengths)


@average_pool.mistake(
    'it divides by kernel * kernel everywhere; a window beyond the padded image has fewer places'
)
def divided_by_kernel(x, kernel, stride, pad):
    y = average_pool.solution(x, kernel, stride, pad)
    return y * area(x, kernel, stride, pad) / kernel**2


@average_pool.mistake(
    'it divides by the pixels of the image alone; in Caffe padding counts as zeros'
)
def padding_excluded(x, kernel, stride, pad):
    y = average_pool.solution(x, kernel, stride, pad)
    return y * area(x, kernel, stride, pad) / inside(x, kernel, stride, pad)


@average_pool.mistake('the number of positions is rounded down; Caffe rounds up')
def floored(x, kernel, stride, pad):
    y = average_pool.solution(x, kernel, stride, pad)
    rows, columns = (floor(size, kernel, stride, pad) for size in x.shape[2:])
    return y[:, :, :rows, :columns]
