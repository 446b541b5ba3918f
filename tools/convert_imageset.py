#!/usr/bin/env python3
"""Convert the images of a list to a database of datums, as Caffe's tool of this name does.

    goodinit convert_imageset --resize_height=256 --resize_width=256 images/ train.txt train_lmdb

Each line of the list is a path, appended to ROOTFOLDER as it is, and a label (0 without one).
Images that cannot be read are left out.
"""

import argparse
import sys
from collections.abc import Sequence

from goodinit.tools.cli.console import UsageError, say
from goodinit.tools.cli.gflags import GflagsParser, add_flag, add_switch, run_logged

import numpy as np
from goodinit.netlib.data.databases import create_database
from goodinit.netlib.data.images import ImageError, decode_image, resize
from goodinit.netlib.data.list_files import read_pairs, without_label
from goodinit.netlib.data.pairs import Writer
from goodinit.netlib.errors import DataError
from goodinit.netlib.shapes import Shape
from goodinit.proto import existing_file
from goodinit.proto.caffe_pb2 import Datum
from goodinit.solvers.log.glog import log
from goodinit.tools.cli.backends import BACKENDS, add_backend, log_opened
from goodinit.tools.cli.encoding import encode
from goodinit.tools.cli.values import INT_MAX, whole

SWITCHES = {
    'gray': 'make the images gray',
    'shuffle': 'shuffle them',
    'check_size': 'refuse images that differ in size from the first',
    'encoded': 'store encoded files: as they are, or as --encode_type if they are resized',
}
PROGRESS = 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run_logged(convert, arguments(), argv)


def arguments() -> GflagsParser:
    parser = GflagsParser('goodinit convert_imageset', __doc__ or '')
    add = parser.add_argument
    add('root', metavar='ROOTFOLDER/', help='the prefix of each path in the list')
    add('list', metavar='LISTFILE', help='a path and a label per line')
    add('database', metavar='DB_NAME', help='the folder to create')
    for name, help in SWITCHES.items():
        add_switch(parser, name, help)
    add_backend(parser)
    for side in ('width', 'height'):
        add_flag(parser, f'resize_{side}', f'the {side} to resize to (0: unchanged)', whole(0), 0)
    add_flag(parser, 'encode_type', 'how to encode: png, jpg, ... (default: like each file)')
    seed = 'the same seed gives the same order (default: %(default)s)'
    add_flag(parser, 'seed', seed, whole(0), 0)
    return parser


def convert(args: argparse.Namespace) -> None:
    if bool(args.resize_width) != bool(args.resize_height):
        raise UsageError(
            f'--resize_width and --resize_height: found {args.resize_width} and '
            f'{args.resize_height}, needed: both or none'
        )
    images = read_images(args.list)
    if args.shuffle:
        log('convert_imageset.cpp:86', 'Shuffling data')
        order = np.random.default_rng(args.seed).permutation(len(images))
        images = [images[i] for i in order]
    log('convert_imageset.cpp:89', f'A total of {len(images)} images.')
    if args.encode_type and not args.encoded:
        log('convert_imageset.cpp:92', 'encode_type specified, assuming encoded=true.')
    with create_database(args.database, BACKENDS[args.backend]) as database:
        log_opened(args.database, args.backend)
        count = put_images(database, images, args)
    if count % PROGRESS:
        log('convert_imageset.cpp:153', f'Processed {count} files.')


def read_images(path: str) -> list[tuple[str, int]]:
    """The paths of a list and their labels; 0 without one, as in Caffe. Raises DataError."""
    pairs = read_pairs(existing_file(path))
    if not pairs:
        raise DataError(f'data {path}: is empty; needed: a path and a label per line')
    note = without_label(pairs)
    if note:
        say(f'note: data {path}: {note}')
    images = [(name, label or 0) for name, label in pairs]
    for name, label in images:
        if abs(label) > INT_MAX:
            raise DataError(
                f"data {path}: '{name}' has the label {label}, needed: at most {INT_MAX}"
            )
    return images


def put_images(
    database: Writer, images: Sequence[tuple[str, int]], args: argparse.Namespace
) -> int:
    """Put a datum of each image into the database; returns how many could be read.

    Raises DataError for none, and for images of several sizes with --check_size.
    """
    first: Shape | None = None
    count = 0
    for i, (name, label) in enumerate(images):
        try:
            datum, shape = make_datum(name, label, args)
        except ImageError as error:
            log('io.cpp:80', f'Could not open or find file {error}', 'E')
            continue
        first = first or shape
        if args.check_size and shape != first:
            raise DataError(
                f'{args.root}{name}: Incorrect data field size: found {shape}, the first image '
                f'has {first}; --resize_height and --resize_width make all the same'
            )
        database.put(f'{i:08}_{name}'.encode(), datum.SerializeToString())
        count += 1
        if count % PROGRESS == 0:
            log('convert_imageset.cpp:147', f'Processed {count} files.')
    if not count:
        raise DataError(
            f'data {args.list}: none of its images can be read; '
            f'the first was expected at {args.root}{images[0][0]}'
        )
    return count


# -- datums


def make_datum(name: str, label: int, args: argparse.Namespace) -> tuple[Datum, Shape]:
    """The datum of an image, and the shape of its pixels (C, H, W). Raises ImageError."""
    file = args.root + name
    pixels = decode_image(file, color=not args.gray)
    if args.resize_height:
        pixels = resize(pixels, args.resize_height, args.resize_width)
    channels, height, width = shape = pixels.shape
    suffix = name.rpartition('.')[2].lower()
    kind = args.encode_type or suffix
    if not (args.encoded or args.encode_type):
        datum = Datum(channels=channels, height=height, width=width, encoded=False)
        datum.data = pixels.tobytes()
    elif args.resize_height or not is_encoded_as(kind, suffix):
        datum = Datum(data=encode(pixels, kind), encoded=True)
    else:
        with open(file, 'rb') as stored:
            datum = Datum(data=stored.read(), encoded=True)
    datum.label = label
    return datum, shape


def is_encoded_as(kind: str, suffix: str) -> bool:
    """Whether a file with this suffix is encoded as --encode_type says."""
    return suffix == kind or (suffix == 'jpeg' and kind == 'jpg')


if __name__ == '__main__':
    sys.exit(main())
