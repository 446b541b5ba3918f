#!/usr/bin/env python3
"""Make a database of MNIST's files, as Caffe's tool of this name does.

    goodinit convert_mnist_data train-images-idx3-ubyte train-labels-idx1-ubyte mnist_train_lmdb

The files may be compressed (.gz, .xz). The database must not exist yet.
"""

import argparse
import sys
from collections.abc import Sequence

from goodinit.tools.cli.gflags import GflagsParser, run_logged

from goodinit.tools.cli.backends import BACKENDS
from goodinit.tools.cli.labeled_images import read_mnist, write_images


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run_logged(convert, arguments(), argv)


def arguments() -> GflagsParser:
    parser = GflagsParser('goodinit convert_mnist_data', __doc__ or '')
    add = parser.add_argument
    add('images', metavar='IMAGES', help='the file of images')
    add('labels', metavar='LABELS', help='the file of labels')
    add('database', metavar='DB', help='the folder to create')
    kind = 'kind of the database (default: %(default)s)'
    add('--backend', '-backend', choices=tuple(BACKENDS), default='lmdb', help=kind)
    return parser


def convert(args: argparse.Namespace) -> None:
    images, labels = read_mnist(args.images, args.labels)
    write_images(args.database, args.backend, images[:, None], labels, digits=8)


if __name__ == '__main__':
    sys.exit(main())
