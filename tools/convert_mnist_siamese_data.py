#!/usr/bin/env python3
"""Make a database of pairs of MNIST's images, as Caffe's siamese example does.

    goodinit convert_mnist_siamese_data train-images-idx3-ubyte train-labels-idx1-ubyte pairs

As many pairs as there are images, drawn at random: two channels each, and the label 1 where both
show the same digit, else 0. The files may be compressed (.gz, .xz). The database must not exist
yet.
"""

import argparse
import sys
from collections.abc import Sequence

from goodinit.tools.cli.gflags import GflagsParser, add_flag, run_logged

import numpy as np
from goodinit.tools.cli.backends import add_backend
from goodinit.tools.cli.labeled_images import read_mnist, write_images
from goodinit.tools.cli.values import whole


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run_logged(convert, arguments(), argv)


def arguments() -> GflagsParser:
    parser = GflagsParser('goodinit convert_mnist_siamese_data', __doc__ or '')
    add = parser.add_argument
    add('images', metavar='IMAGES', help='the file of images')
    add('labels', metavar='LABELS', help='the file of labels')
    add('database', metavar='DB', help='the folder to create')
    add_backend(parser, 'leveldb')
    seed = 'the same seed gives the same pairs (default: %(default)s)'
    add_flag(parser, 'seed', seed, whole(0), 0)
    return parser


def convert(args: argparse.Namespace) -> None:
    images, labels = read_mnist(args.images, args.labels)
    rng = np.random.default_rng(args.seed)
    pairs = rng.integers(len(images), size=(len(images), 2))
    left, right = labels[pairs.T]
    write_images(args.database, args.backend, images[pairs], left == right, digits=8)


if __name__ == '__main__':
    sys.exit(main())
