"""The images of Luther & Seung (2019): CIFAR-10's and the slices of ISBI 2012, of mean 0 and
variance 1."""

from pathlib import Path

import numpy as np
from goodinit.experiments.runner import CIFAR10, ISBI2012, ExperimentError, Run
from goodinit.experiments.runner.data_sets import find_file
from goodinit.netlib.data.classic import read_cifar10
from PIL import Image


def cifar_images(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """The first 10,000 training images (n, 3, 32, 32), of mean 0 and variance 1 in each channel,
    and their labels (n,)."""
    path = find_file(run.folder(CIFAR10), 'data_batch_1.bin*')
    pixels, labels = read_cifar10(path)
    return normalized(pixels), labels


def isbi_slices(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """The 30 training slices (30, 1, 512, 512), of mean 0 and variance 1, and their labels
    (30, 512, 512): 0 for membrane, 1 for cell."""
    folder = run.folder(ISBI2012) / 'train'
    images = np.stack([grey(folder / 'image' / f'{i}.png') for i in range(30)])
    labels = np.stack([grey(folder / 'label' / f'{i}.png') for i in range(30)])
    return normalized(images[:, np.newaxis]), (labels > 127).astype(np.int64)


def grey(path: Path) -> np.ndarray:
    """A grey image, (height, width). Raises ExperimentError."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert('L'))
    except OSError as error:
        raise ExperimentError(f'{path}: cannot read the image: {error}') from None


def normalized(pixels: np.ndarray) -> np.ndarray:
    """Images (n, channels, height, width) less the mean of their channel, over its deviation."""
    values = pixels.astype(np.float32)
    mean = values.mean(axis=(0, 2, 3), keepdims=True, dtype=np.float64)
    std = values.std(axis=(0, 2, 3), keepdims=True, dtype=np.float64)
    return ((values - mean) / std).astype(np.float32)


def crops(
    images: np.ndarray, labels: np.ndarray, count: int, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Squares from random places of random images (n, channels, height, width), and of the labels
    (n, height, width) there."""
    _, channels, height, width = images.shape
    cut = np.empty((count, channels, size, size), images.dtype)
    cut_labels = np.empty((count, size, size), labels.dtype)
    for i in range(count):
        image = rng.integers(len(images))
        top = rng.integers(height - size + 1)
        left = rng.integers(width - size + 1)
        rows, columns = slice(top, top + size), slice(left, left + size)
        cut[i] = images[image, :, rows, columns]
        cut_labels[i] = labels[image, rows, columns]
    return cut, cut_labels
