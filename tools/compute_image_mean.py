#!/usr/bin/env python3
"""Compute the mean image of a database, and the mean of each channel, as Caffe's tool of this name.

    goodinit compute_image_mean --backend=lmdb train_lmdb mean.binaryproto
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from goodinit.tools.cli.console import Parser, run

import numpy as np
from goodinit.netlib.data.databases import datum_to_array, open_database, parse_datum
from goodinit.netlib.data.pairs import Database
from goodinit.netlib.errors import DataError
from goodinit.proto import write_binary
from goodinit.proto.caffe_pb2 import BlobProto
from goodinit.solvers.log.glog import log, number
from goodinit.tools.cli.output_file import check_output
from goodinit.tools.convert_imageset import BACKENDS, add_backend, log_opened

PROGRESS = 10000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(compute, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit compute_image_mean', __doc__ or '')
    parser.add_argument(
        'database', metavar='INPUT_DB', help='the database of images, all of one size'
    )
    parser.add_argument('output', metavar='OUTPUT_FILE', nargs='?', help='the mean file to write')
    add_backend(parser)
    return parser


def compute(args: argparse.Namespace) -> None:
    if args.output:
        check_output(Path(args.output), force=True)
    database = open_database(args.database, BACKENDS[args.backend])
    log_opened(args.database, args.backend)
    mean = mean_image(database)
    channels, height, width = mean.shape
    if args.output:
        log('compute_image_mean.cpp:108', f'Write to {args.output}')
        # Caffe's own mean files have no `shape` either.
        blob = BlobProto(num=1, channels=channels, height=height, width=width, data=mean.ravel())
        write_binary(blob, args.output)
    log('compute_image_mean.cpp:114', f'Number of channels: {channels}')
    for i, value in enumerate(mean.mean(axis=(1, 2), dtype=np.float64)):
        log('compute_image_mean.cpp:119', f'mean_value channel [{i}]: {number(value)}')


def mean_image(database: Database) -> np.ndarray:
    """The mean of a database's images, float32 (C, H, W). Raises DataError for images of several
    sizes or for none."""
    total: np.ndarray | None = None
    count = 0
    for key, value in database:
        name = f'{database.path}, key {key.decode(errors="replace")}'
        image = datum_to_array(parse_datum(value, name), name=name)
        if total is None:
            log('compute_image_mean.cpp:70', 'Starting iteration')
            total = np.zeros(image.shape)
        if image.shape != total.shape:
            raise DataError(
                f'{name}: Incorrect data field size: found {image.shape}, the first image has '
                f'{total.shape}'
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


if __name__ == '__main__':
    sys.exit(main())
