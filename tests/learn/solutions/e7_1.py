import numpy as np


def change_rate(W, gradients):
    squares = np.mean(gradients**2, axis=0)
    size = np.sqrt(np.mean(W**2))
    columns = np.sqrt(squares.mean(axis=0)) / size
    return columns.mean()
