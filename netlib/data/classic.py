"""The files in which MNIST and CIFAR-10 are published."""

import gzip
import lzma
import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import DataError

CIFAR_SHAPE = (3, 32, 32)
MOST = 1 << 30  # bytes that a packed file may have unpacked
OPENERS: dict[str, Callable] = {'.gz': gzip.open, '.xz': lzma.open}


def read_idx(path: str | Path) -> np.ndarray:
    """The uint8 array of an idx file (.gz and .xz are supported).

    The format: two zero bytes, type, number of axes, big-endian size of each axis, then the bytes.
    Source: http://yann.lecun.com/exdb/mnist.
    """
    content = _read(Path(path))
    if len(content) < 4 or content[:3] != b'\0\0\x08':
        raise DataError(f'{path}: not an idx file of bytes: it must start with 0, 0, 8')
    axes = content[3]
    header = 4 + 4 * axes
    if len(content) < header:
        raise DataError(f'{path}: truncated within its header')
    shape = struct.unpack(f'>{axes}I', content[4:header])
    values = np.frombuffer(content, np.uint8)[header:]
    if values.size != math.prod(shape):
        raise DataError(f'{path}: damaged: its header says {shape}, found {values.size} bytes')
    return values.reshape(shape)


def read_idx_images(path: str | Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Images uint8 (N, 1, H, W) of MNIST's *-images-idx3-ubyte, and the labels (N,) if the same
    folder contains *-labels-idx1-ubyte."""
    path = Path(path)
    images = read_idx(path)
    if images.ndim != 3:
        raise DataError(
            f'{path}: has {images.ndim} axes, not the 3 of images; give the *-images-* file'
        )
    name = path.name.replace('images', 'labels')
    beside = path.with_name(name.replace('idx3', 'idx1'))
    if beside == path or not beside.exists():
        return images[:, None], None
    labels = read_idx(beside)
    if labels.shape != images.shape[:1]:
        raise DataError(f'{beside}: has {len(labels)} labels for {len(images)} images')
    return images[:, None], labels


def read_cifar10(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (N, 3, 32, 32) and labels (N,) of a CIFAR-10 binary batch (or .gz or .xz).

    A record is one label and 3072 pixels. Channels stay red, green, blue, as in Caffe's example.
    """
    content = np.frombuffer(_read(Path(path)), np.uint8)
    record = 1 + math.prod(CIFAR_SHAPE)
    if not content.size or content.size % record:
        raise DataError(f'{path}: its {content.size} bytes are not CIFAR-10 records of {record}')
    records = content.reshape(-1, record)
    labels = records[:, 0]
    images = records[:, 1:].reshape(-1, *CIFAR_SHAPE)
    return images, labels


def _read(path: Path) -> bytes:
    try:
        with OPENERS.get(path.suffix, open)(path, 'rb') as file:
            content = file.read(MOST + 1) if path.suffix in OPENERS else file.read()
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(f'{path}: cannot be read ({error})') from error
    if path.suffix in OPENERS and len(content) > MOST:
        raise DataError(f'{path}: unpacks to more than {MOST >> 20:,} MB; unpack it first')
    return content
