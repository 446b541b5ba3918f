import numpy as np


def convolve(x, W, b, pad):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    N, _, height, width = x.shape
    M, _, K, _ = W.shape
    y = np.zeros((N, M, height - K + 1, width - K + 1))
    for row in range(y.shape[2]):
        for column in range(y.shape[3]):
            patch = x[:, :, row : row + K, column : column + K]
            y[:, :, row, column] = np.tensordot(patch, W, axes=([1, 2, 3], [1, 2, 3]))
    return y + b[:, None, None]
