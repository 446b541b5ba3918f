import numpy as np


def im2col(x, kernel, stride, pad):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    N, C, H, W = x.shape
    rows = (H - kernel) // stride + 1
    columns = (W - kernel) // stride + 1
    last_row, last_column = kernel + stride * rows, kernel + stride * columns
    y = np.zeros((N, C, kernel, kernel, rows, columns))
    for i in range(kernel):
        for j in range(kernel):
            y[:, :, i, j] = x[:, :, i:last_row:stride, j:last_column:stride][:, :, :rows, :columns]
    return y.reshape(N, C * kernel * kernel, rows, columns)
