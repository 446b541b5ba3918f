import math

import numpy as np


def extent(size, kernel, stride, pad):
    positions = math.ceil((size + 2 * pad - kernel) / stride) + 1
    if pad and (positions - 1) * stride >= size + pad:
        positions -= 1
    return positions


def average_pool(x, kernel, stride, pad):
    N, C, H, W = x.shape
    rows, columns = extent(H, kernel, stride, pad), extent(W, kernel, stride, pad)
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    y = np.zeros((N, C, rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            window = x[:, :, top : top + kernel, left : left + kernel]
            size = window.shape[2] * window.shape[3]
            y[:, :, i, j] = window.sum((2, 3)) / size
    return y
