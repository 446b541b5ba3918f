"""Write blobs of a net, as it runs over its data, to databases, as Caffe's tool of this name.

goodinit extract_features net.caffemodel net.prototxt fc7,label fc7_lmdb,label_lmdb 10 lmdb
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
from goodinit.netlib import Net
from goodinit.netlib.data.databases import create_database
from goodinit.netlib.errors import NetError, did_you_mean
from goodinit.proto.caffe_pb2 import TEST, Datum
from goodinit.solvers.log.net_log import load_weights, log_net
from goodinit.solvers.log.glog import log
from goodinit.tools.cli.arguments import add_engine, add_python_layers, add_sharing, one_of, whole
from goodinit.tools.cli.console import Parser, UsageError, run
from goodinit.tools.cli.gpu import GPU_ENGINE, use_gpu
from goodinit.tools.convert_imageset import BACKENDS, log_opened

PLACE = 'extract_features.cpp'
PROGRESS = 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(extract, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit extract_features', __doc__ or '')
    add = parser.add_argument
    add('weights', metavar='WEIGHTS', help='a caffemodel')
    add(
        'proto',
        metavar='PROTO',
        help='the prototxt of a net that reads its data itself; it runs in TEST',
    )
    add('blobs', metavar='BLOB[,BLOB]', type=lambda text: text.split(','), help='what to extract')
    add(
        'databases',
        metavar='DB[,DB]',
        type=lambda text: text.split(','),
        help='the folders to make, one for each',
    )
    add('batches', metavar='NUM_MINI_BATCHES', type=whole(1), help='how many batches to run')
    add('backend', metavar='DB_TYPE', type=one_of(BACKENDS), help=', '.join(BACKENDS))
    add(
        'mode',
        metavar='CPU|GPU',
        nargs='?',
        type=one_of(['CPU', 'GPU']),
        default='CPU',
        help='(default: %(default)s)',
    )
    add(
        'device',
        metavar='DEVICE_ID=N',
        nargs='?',
        type=device,
        default=0,
        help='the number of the GPU (default: %(default)s)',
    )
    add_engine(parser)
    add_sharing(parser)
    add_python_layers(parser)
    return parser


def device(text: str) -> int:
    """A type of numbers, perhaps with DEVICE_ID= before them."""
    return whole(0)(text.removeprefix('DEVICE_ID='))


def extract(args: argparse.Namespace) -> None:
    if len(args.blobs) != len(args.databases):
        raise UsageError(
            f'the number of blob names and dataset names must be equal: found {len(args.blobs)} and '
            f'{len(args.databases)}'
        )
    if len(set(args.databases)) < len(args.databases):
        raise UsageError(
            f'DB: found {", ".join(args.databases)}, needed: a database of its own for each blob'
        )
    engine = use_gpu(args.device) if args.mode == 'GPU' else args.engine
    log(f'{PLACE}:60', f'Using {"GPU" if engine == GPU_ENGINE else "CPU"}', 'E')
    net = Net(args.proto, TEST, engine=engine)
    log_net(net)
    load_weights(net, args.weights)
    for blob in args.blobs:
        if blob not in net.blobs:
            raise NetError(
                f'Unknown feature blob name {blob} in the network {args.proto}{did_you_mean(blob, net.blobs)}'
            )
    if args.share:
        net.share_memory(keep=args.blobs)
    with ExitStack() as stack:
        databases = []
        for path in args.databases:
            log(f'{PLACE}:133', f'Opening dataset {path}')
            databases.append(stack.enter_context(create_database(path, BACKENDS[args.backend])))
            log_opened(path, args.backend)
        log(f'{PLACE}:141', 'Extracting Features', 'E')
        counts = [0] * len(databases)
        for _ in range(args.batches):
            net.forward()
            for i, (blob, database) in enumerate(zip(args.blobs, databases, strict=True)):
                for value in rows(net, blob):
                    database.put(
                        f'{counts[i]:010}'.encode(), float_datum(value).SerializeToString()
                    )
                    counts[i] += 1
                    if counts[i] % PROGRESS == 0:
                        log_extracted(counts[i], blob, 170)
    for count, blob in zip(counts, args.blobs, strict=True):
        log_extracted(count, blob, 180)
    log(f'{PLACE}:185', 'Successfully extracted the features!', 'E')


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


def log_extracted(count: int, blob: str, line: int) -> None:
    log(
        f'{PLACE}:{line}',
        f'Extracted features of {count} query images for feature blob {blob}',
        'E',
    )


if __name__ == '__main__':
    sys.exit(main())
