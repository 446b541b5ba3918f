import numpy as np


def orthonormal(gaussian):
    matrix = gaussian.reshape(len(gaussian), -1)
    rows, columns = matrix.shape
    if rows <= columns:
        q, _ = np.linalg.qr(matrix.T)
        q = q.T
    else:
        q, _ = np.linalg.qr(matrix)
    return q.reshape(gaussian.shape)
