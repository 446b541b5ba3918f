#!/usr/bin/env python3
"""Compute the mean image of a database, and the mean of each channel, as Caffe's tool of this name
does.

goodinit compute_image_mean --backend=lmdb train_lmdb mean.binaryproto
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from goodinit.tools.cli.gflags import GflagsParser, run_logged

import numpy as np
from goodinit.netlib.data.databases import datum_to_array, open_database, parse_datum
from goodinit.netlib.data.pairs import Database
from goodinit.netlib.errors import DataError
from goodinit.proto import write_binary
from goodinit.proto.caffe_pb2 import BlobProto
from goodinit.solvers.log.glog import log, number
from goodinit.tools.cli.backends import BACKENDS, add_backend, log_opened
from goodinit.tools.cli.output_file import check_output

PROGRESS = 10000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run_logged(compute, arguments(), argv)


def arguments() -> GflagsParser:
    parser = GflagsParser('goodinit compute_image_mean', __doc__ or '')
    add = parser.add_argument
    add('database', metavar='INPUT_DB', help='the database of images, all of one size')
    add('output', metavar='OUTPUT_FILE', nargs='?', help='the mean file to write')
    add_backend(parser)
    return parser


def compute(args: argparse.Namespace) -> None:
    if args.output:
        check_output(Path(args.output), force=True)
    database = open_database(args.database, BACKENDS[args.backend])
    log_opened(args.database, args.backend)
    mean = mean_image(database)
    if args.output:
        log('compute_image_mean.cpp:108', f'Write to {args.output}')
        write_mean(mean, args.output)
    log('compute_image_mean.cpp:114', f'Number of channels: {len(mean)}')
    for i, value in enumerate(mean.mean(axis=(1, 2), dtype=np.float64)):
        log('compute_image_mean.cpp:119', f'mean_value channel [{i}]: {number(value)}')


def mean_image(database: Database) -> np.ndarray:
    """The mean of a database's images, float32 (C, H, W).

    Raises DataError for images of several sizes, and for none.
    """
    total: np.ndarray | None = None
    count = 0
    for name, image in images_of(database):
        if total is None:
            log('compute_image_mean.cpp:70', 'Starting iteration')
            total = np.zeros(image.shape)
        if image.shape != total.shape:
            raise DataError(
                f'{name}: Incorrect data field size: found {image.shape}, '
                f'the first image has {total.shape}'
            )
        total += image
        count += 1
        if count % PROGRESS == 0:
            log('compute_image_mean.cpp:95', f'Processed {count} files.')
    if total is None:
        raise DataError(f'database {database.path}: is empty')
    if count % PROGRESS:
        log('compute_image_mean.cpp:101', f'Processed {count} files.')
    return (total / count).astype(np.float32)


def images_of(database: Database) -> Iterator[tuple[str, np.ndarray]]:
    """What to call each image of a database, and its pixels (C, H, W)."""
    for key, value in database:
        name = f'{database.path}, key {key.decode(errors="replace")}'
        yield name, datum_to_array(parse_datum(value, name), name=name)


def write_mean(mean: np.ndarray, path: str) -> None:
    """Write a mean file: the mean (C, H, W) as a blob without `shape`, as Caffe's own are."""
    channels, height, width = mean.shape
    blob = BlobProto(num=1, channels=channels, height=height, width=width, data=mean.ravel())
    write_binary(blob, path)


if __name__ == '__main__':
    sys.exit(main())
