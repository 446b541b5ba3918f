"""Page 2: a convolution three ways."""

import numpy as np

from ..exercise import exercise
from ..made_up import numbers
from ..one_layer import one_layer, output

IMAGES = [
    {'x': numbers(0, 1, 1, 3, 3), 'kernel': 2, 'stride': 1, 'pad': 0},
    {'x': numbers(1, 2, 2, 4, 4), 'kernel': 3, 'stride': 1, 'pad': 1},
    {'x': numbers(2, 1, 2, 5, 5), 'kernel': 3, 'stride': 2, 'pad': 0},
    {'x': numbers(3, 1, 3, 4, 5), 'kernel': 2, 'stride': 2, 'pad': 1},
]


@exercise('2.1', 'the patches of an image, as columns', IMAGES)
def im2col(x: np.ndarray, kernel: int, stride: int, pad: int) -> np.ndarray:
    """The patch under a kernel x kernel window, at each of its positions.

    x       (N, C, H, W), with `pad` zeros around each image
    returns (N, C kernel kernel, H', W'): row (c, i, j) holds the number that the window sees in
            channel c at its row i and column j. H' = (H + 2 pad - kernel) // stride + 1
    """
    fields = f'kernel_size: {kernel} stride: {stride} pad: {pad}'
    return output(one_layer(f'type: "Im2col" convolution_param {{ {fields} }}', x))


@im2col.mistake(
    'the channels change fastest among the rows; needed: row (c, i, j), the channel first'
)
def channels_last(x, kernel, stride, pad):
    y = im2col.solution(x, kernel, stride, pad)
    n, _, *extents = y.shape
    by_channel = y.reshape(n, x.shape[1], kernel * kernel, *extents)
    return by_channel.swapaxes(1, 2).reshape(y.shape)


@im2col.mistake('the padding is forgotten')
def unpadded(x, kernel, stride, pad):
    return im2col.solution(x, kernel, stride, 0)


@im2col.mistake('the window moves by 1; needed: by the stride')
def unstrided(x, kernel, stride, pad):
    return im2col.solution(x, kernel, 1, pad)


@im2col.mistake('rows and columns of the window are exchanged')
def window_transposed(x, kernel, stride, pad):
    y = im2col.solution(x, kernel, stride, pad)
    n, _, *extents = y.shape
    taps = y.reshape(n, x.shape[1], kernel, kernel, *extents)
    return taps.swapaxes(2, 3).reshape(y.shape)


FILTERED = [
    {'x': numbers(4, 1, 1, 4, 4), 'W': numbers(5, 1, 1, 3, 3), 'b': numbers(6, 1), 'pad': 0},
    {'x': numbers(7, 2, 2, 4, 4), 'W': numbers(8, 3, 2, 3, 3), 'b': numbers(9, 3), 'pad': 1},
    {'x': numbers(10, 1, 3, 3, 5), 'W': numbers(11, 2, 3, 2, 2), 'b': numbers(12, 2), 'pad': 1},
]


@exercise('2.2', 'the convolution of a Caffe layer', FILTERED)
def convolve(x: np.ndarray, W: np.ndarray, b: np.ndarray, pad: int) -> np.ndarray:
    """The output of a Convolution layer of stride 1.

    x       (N, C, H, W), with `pad` zeros around each image
    W       (M, C, K, K), b (M,)
    returns y (N, M, H + 2 pad - K + 1, ...), y = b + the sum over c, i and j of W x under the
            window. Caffe does not flip the kernel
    """
    outputs, _, kernel, _ = W.shape
    fields = f'num_output: {outputs} kernel_size: {kernel} pad: {pad}'
    net = one_layer(f'type: "Convolution" convolution_param {{ {fields} }}', x)
    weight, bias = net.layers[-1].params
    weight.data = W
    bias.data = b
    return output(net)


@convolve.mistake(
    "the kernel is flipped, as in a textbook's convolution; Caffe's is a cross-correlation"
)
def flipped(x, W, b, pad):
    return convolve.solution(x, W[:, :, ::-1, ::-1], b, pad)


@convolve.mistake('the bias is forgotten')
def without_bias(x, W, b, pad):
    return convolve.solution(x, W, 0 * b, pad)


@convolve.mistake('it adds the bias once for each channel of x; needed: once')
def bias_by_channel(x, W, b, pad):
    return convolve.solution(x, W, b * x.shape[1], pad)


@convolve.mistake('the padding is forgotten')
def convolved_unpadded(x, W, b, pad):
    return convolve.solution(x, W, b, 0)
