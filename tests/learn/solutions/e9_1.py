import numpy as np


def pca(samples, count):
    centered = samples - samples.mean(0)
    covariance = centered.T @ centered / len(samples)
    variances, axes = np.linalg.eigh(covariance)
    order = np.argsort(variances)[::-1][:count]
    return axes[:, order].T / np.sqrt(variances[order])[:, None]
