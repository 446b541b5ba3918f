#!/usr/bin/env python3
"""Write blobs of a net, as it runs over its data, to databases, as Caffe's tool of this name does.

    goodinit extract_features net.caffemodel net.prototxt fc7,label fc7_lmdb,label_lmdb 10 lmdb

The net runs in TEST. Each image gives a datum of floats in the database of each blob.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from goodinit.tools.cli.console import UsageError
from goodinit.tools.cli.gflags import GflagsParser, run_logged

import numpy as np
from goodinit.netlib import Net
from goodinit.netlib.data.databases import create_database
from goodinit.netlib.data.pairs import Writer
from goodinit.netlib.errors import NetError, did_you_mean
from goodinit.proto.caffe_pb2 import TEST, Datum
from goodinit.solvers.log.glog import log
from goodinit.solvers.log.net_log import load_weights, log_net
from goodinit.tools.cli.arguments import add_engine, add_force, add_sharing, add_strictness
from goodinit.tools.cli.backends import BACKENDS, log_opened
from goodinit.tools.cli.gpu import engine_for, on_gpu, use_gpu
from goodinit.tools.cli.values import one_of, whole

PLACE = 'extract_features.cpp'
PROGRESS = 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run_logged(extract, arguments(), argv)


def arguments() -> GflagsParser:
    parser = GflagsParser('goodinit extract_features', __doc__ or '')
    add = parser.add_argument
    proto = 'the prototxt of a net that reads its data itself; it runs in TEST'
    add('weights', metavar='WEIGHTS', help='a caffemodel')
    add('proto', metavar='PROTO', help=proto)
    add('blobs', metavar='BLOB[,BLOB]', type=names, help='the blobs to extract')
    add('databases', metavar='DB[,DB]', type=names, help='the folders to create, one for each')
    add('batches', metavar='NUM_MINI_BATCHES', type=whole(1), help='how many batches to run')
    add('backend', metavar='DB_TYPE', type=one_of(BACKENDS), help=', '.join(BACKENDS))
    mode = one_of(['CPU', 'GPU'])
    default = '(default: %(default)s)'
    add('mode', metavar='CPU|GPU', nargs='?', type=mode, default='CPU', help=default)
    number = f'the number of the GPU {default}'
    add('device', metavar='DEVICE_ID=N', nargs='?', type=device, default=0, help=number)
    add_engine(parser)
    add_sharing(parser)
    add_strictness(parser)
    add_force(parser)
    return parser


def names(text: str) -> list[str]:
    """A type of names with commas between them."""
    return text.split(',')


def device(text: str) -> int:
    """A type of numbers, perhaps with DEVICE_ID= before them."""
    return whole(0)(text.removeprefix('DEVICE_ID='))


def extract(args: argparse.Namespace) -> None:
    check_names(args)
    net = open_net(args)
    with ExitStack() as stack:
        new = [new_database(path, args.backend) for path in args.databases]
        databases = [stack.enter_context(database) for database in new]
        log(f'{PLACE}:141', 'Extracting Features', 'E')
        counts = write_blobs(net, args.blobs, databases, args.batches)
    for blob, count in zip(args.blobs, counts, strict=True):
        log_extracted(blob, count, 180)
    log(f'{PLACE}:185', 'Successfully extracted the features!', 'E')


def check_names(args: argparse.Namespace) -> None:
    """Raises UsageError unless each blob has a database of its own."""
    if len(args.blobs) != len(args.databases):
        raise UsageError(
            'the number of blob names and dataset names must be equal: '
            f'found {len(args.blobs)} and {len(args.databases)}'
        )
    if len(set(args.databases)) < len(args.databases):
        found = ', '.join(args.databases)
        raise UsageError(f'DB: found {found}, needed: a database of its own for each blob')


def open_net(args: argparse.Namespace) -> Net:
    """The net with its weights. Raises NetError for one without the blobs."""
    engine = engine_for(args, use_gpu(args.device) if args.mode == 'GPU' else '')
    log(f'{PLACE}:60', f'Using {"GPU" if on_gpu(engine) else "CPU"}', 'E')
    net = Net(args.proto, TEST, engine=engine)
    log_net(net)
    load_weights(net, args.weights)
    for blob in args.blobs:
        if blob not in net.blobs:
            raise NetError(
                f'Unknown feature blob name {blob} in the network {args.proto}'
                f'{did_you_mean(blob, net.blobs)}'
            )
    if args.share:
        net.share_memory(keep=args.blobs)
    return net


@contextmanager
def new_database(path: str, backend: str) -> Iterator[Writer]:
    log(f'{PLACE}:133', f'Opening dataset {path}')
    with create_database(path, BACKENDS[backend]) as database:
        log_opened(path, backend)
        yield database


def write_blobs(
    net: Net, blobs: Sequence[str], databases: Sequence[Writer], batches: int
) -> list[int]:
    """Run the net over batches, and put a datum for each image into the database of each blob;
    returns how many datums each blob gave."""
    counts = [0] * len(blobs)
    for _ in range(batches):
        net.forward()
        for i, blob in enumerate(blobs):
            for values in rows(net, blob):
                key = f'{counts[i]:010}'
                databases[i].put(key.encode(), float_datum(values).SerializeToString())
                counts[i] += 1
                if counts[i] % PROGRESS == 0:
                    log_extracted(blob, counts[i], 170)
    return counts


def rows(net: Net, blob: str) -> np.ndarray:
    """The values of a blob for each of its images: (N, C, H, W), with extents of 1 for the axes
    that it lacks."""
    data = net.blobs[blob].data
    if data.ndim > 4:
        raise NetError(f"blob '{blob}': found {data.ndim} axes, a datum holds at most 4")
    return data.reshape(*data.shape, *[1] * (4 - data.ndim))


def float_datum(values: np.ndarray) -> Datum:
    """The datum of one image's values (C, H, W)."""
    channels, height, width = values.shape
    return Datum(channels=channels, height=height, width=width, float_data=values.ravel())


def log_extracted(blob: str, count: int, line: int) -> None:
    text = f'Extracted features of {count} query images for feature blob {blob}'
    log(f'{PLACE}:{line}', text, 'E')


if __name__ == '__main__':
    sys.exit(main())
