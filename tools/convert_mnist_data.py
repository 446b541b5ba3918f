#!/usr/bin/env python3
"""Make a database of MNIST's files, as Caffe's tool of this name.

    goodinit convert_mnist_data train-images-idx3-ubyte train-labels-idx1-ubyte mnist_train_lmdb

Files may be packed (.gz, .xz). The database must not be there yet.
"""

import argparse
import sys
from collections.abc import Sequence

from goodinit.tools.cli.console import Parser, run, say

import numpy as np
from goodinit.netlib.data.classic import read_idx
from goodinit.netlib.data.databases import create_database
from goodinit.netlib.errors import DataError
from goodinit.proto.caffe_pb2 import DataParameter, Datum


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns its exit status."""
    parser = Parser('goodinit convert_mnist_data', __doc__ or '')
    parser.add_argument('images', metavar='IMAGES', help='the file of images')
    parser.add_argument('labels', metavar='LABELS', help='the file of labels')
    parser.add_argument('database', metavar='DB', help='the folder to make')
    parser.add_argument(
        '--backend',
        '-backend',
        choices=('lmdb', 'leveldb'),
        default='lmdb',
        help='kind of the database (default: %(default)s)',
    )
    return run(convert, parser, argv)


def convert(args: argparse.Namespace) -> None:
    images, labels = read_idx(args.images), read_idx(args.labels)
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise DataError(
            f'{args.images}, {args.labels}: found arrays of shape {images.shape} and {labels.shape}; '
            'needed: N images of H x W, and N labels'
        )
    write_images(args.database, args.backend, images[:, None], labels, digits=8)


def write_images(
    path: str, backend: str, images: np.ndarray, labels: np.ndarray, digits: int
) -> None:
    """A new database of images uint8 (N, C, H, W), keyed by their number in so many digits, with
    their labels."""
    _, channels, height, width = images.shape
    with create_database(path, DataParameter.DB.Value(backend.upper())) as database:
        for i, (pixels, label) in enumerate(zip(images, labels, strict=True)):
            datum = Datum(
                channels=channels,
                height=height,
                width=width,
                data=pixels.tobytes(),
                label=int(label),
            )
            database.put(f'{i:0{digits}}'.encode(), datum.SerializeToString())
    say(f'{path}: {len(images)} images of {channels} x {height} x {width}')


if __name__ == '__main__':
    sys.exit(main())
