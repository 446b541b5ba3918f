"""CIFAR-10 as Mishkin & Matas (2016) feed it: contrast normalized, less the mean image, mirrored
and shifted."""

from collections.abc import Sequence
from math import sqrt
from pathlib import Path

import numpy as np
from goodinit.netlib.data.classic import CIFAR_SHAPE, read_cifar10

BORDER = 4  # of zeros, from which shifts cut

# The papers' own database is lost, and its scale written nowhere. Of what the experiments compare
# only the weights of conv11 depend on it (inversely): the printed 0.383 to 0.388 stand for 0.49.
STD = 0.5


class Cifar10:
    """The images of batch files (data_batch_1.bin, perhaps .xz), to be drawn from `size` at a
    time."""

    def __init__(self, paths: Sequence[str | Path], size: int, std: float = STD):
        parts = [read_cifar10(path) for path in paths]
        images = contrast_normalized(np.concatenate([pixels for pixels, _ in parts]), std)
        self.images = images - images.mean(axis=0)
        self.labels = np.concatenate([labels for _, labels in parts])
        self.size = size

    def in_order(self, count: int) -> list[dict[str, np.ndarray]]:
        """The first `count` batches, as they are."""
        batches = []
        for start in range(0, count * self.size, self.size):
            rows = slice(start, start + self.size)
            batches.append({'data': self.images[rows], 'label': self.labels[rows]})
        return batches

    def batch(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Different images (size, 3, 32, 32), mirrored and moved by up to 4 pixels at random, and
        their labels."""
        chosen = rng.choice(len(self.images), self.size, replace=False)
        images = self.images[chosen]
        mirrored = rng.random(self.size) < 0.5
        images[mirrored] = images[mirrored, :, :, ::-1]
        labels = self.labels[chosen].astype(np.float32)
        return {'data': shifted(images, rng), 'label': labels}


def contrast_normalized(pixels: np.ndarray, std: float) -> np.ndarray:
    """Images (n, 3, 32, 32) of mean 0 and standard deviation `std` each, float32; plain ones become
    0.

    The global contrast normalization of Pylearn2: x less its mean, times scale / max(|x|, 1e-8),
    with |x| the Euclidean norm. The scale is std sqrt(3072); the 55 that Pylearn2 takes for
    CIFAR-10 give a standard deviation of 0.992.
    """
    rows = pixels.reshape(len(pixels), -1).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    rows *= std * sqrt(rows.shape[1]) / np.maximum(norm, 1e-8)
    return rows.reshape(-1, *CIFAR_SHAPE)


def shifted(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image cut anew, at a random place, from itself with a border of zeros."""
    size = images.shape[2]
    border = (BORDER, BORDER)
    bordered = np.pad(images, ((0, 0), (0, 0), border, border))
    corners = rng.integers(0, 2 * BORDER + 1, (len(images), 2))
    cut = np.empty_like(images)
    for i, (y, x) in enumerate(corners):
        cut[i] = bordered[i, :, y : y + size, x : x + size]
    return cut
