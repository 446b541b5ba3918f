"""Databases of images of one size, each with its label, as converters of published sets make
them."""

import numpy as np

from ...netlib.data.classic import read_idx
from ...netlib.data.databases import create_database
from ...netlib.errors import DataError
from ...proto.caffe_pb2 import Datum
from .backends import BACKENDS
from .console import say


def read_mnist(images_path: str, labels_path: str) -> tuple[np.ndarray, np.ndarray]:
    """The images uint8 (N, H, W) and labels (N,) of MNIST's two files. Raises DataError."""
    images = read_idx(images_path)
    labels = read_idx(labels_path)
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise DataError(
            f'{images_path}, {labels_path}: found arrays of shape {images.shape} and '
            f'{labels.shape}; needed: N images of H x W, and N labels'
        )
    return images, labels


def write_images(
    path: str, backend: str, images: np.ndarray, labels: np.ndarray, digits: int
) -> None:
    """Make a database of images uint8 (N, C, H, W) and their labels (N,).

    Keys are the numbers from 0, with as many digits. Raises DataError where `path` exists.
    """
    _, channels, height, width = images.shape
    with create_database(path, BACKENDS[backend]) as database:
        for i, pixels in enumerate(images):
            datum = Datum(channels=channels, height=height, width=width)
            datum.data = pixels.tobytes()
            datum.label = int(labels[i])
            key = f'{i:0{digits}}'
            database.put(key.encode(), datum.SerializeToString())
    say(f'{path}: {len(images)} images of {channels} x {height} x {width}')
