#!/usr/bin/env python3
"""Convert the images of a list to a database of datums, as Caffe's tool of this name.

    goodinit convert_imageset --resize_height=256 --resize_width=256 images/ train.txt train_lmdb

Each line of the list is a path, put after ROOTFOLDER as it is, and a label. An image that cannot be
read is left out.
"""

import argparse
import io
import sys
from collections.abc import Sequence

from goodinit.tools.cli.console import Parser, UsageError, run

import numpy as np
from goodinit.netlib.data.databases import LEVELDB, LMDB, create_database
from goodinit.netlib.data.images import ImageError, decode_image, resize
from goodinit.netlib.data.sources import read_list
from goodinit.netlib.errors import DataError
from goodinit.proto import existing_file
from goodinit.proto.caffe_pb2 import Datum
from goodinit.solvers.log.glog import log
from goodinit.tools.cli.gflags import add_flag, add_switch, plain
from goodinit.tools.cli.values import INT_MAX, one_of, whole

BACKENDS = {'lmdb': LMDB, 'leveldb': LEVELDB}
SWITCHES = {
    'gray': 'make the images grey',
    'shuffle': 'put them in random order',
    'check_size': 'refuse images of another size than the first',
    'encoded': 'store the files as they are, or encoded as --encode_type where they were resized',
}
PROGRESS = 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(convert, arguments(), plain(sys.argv[1:] if argv is None else argv, list(SWITCHES)))


def arguments() -> Parser:
    parser = Parser('goodinit convert_imageset', __doc__ or '')
    parser.add_argument(
        'root', metavar='ROOTFOLDER/', help='what comes before each path of the list'
    )
    parser.add_argument('list', metavar='LISTFILE', help='a path and a label per line')
    parser.add_argument('database', metavar='DB_NAME', help='the folder to make')
    for name, help in SWITCHES.items():
        add_switch(parser, name, help)
    add_backend(parser)
    add_flag(parser, 'resize_width', 'the width to resize to (0: leave it)', whole(0), 0)
    add_flag(parser, 'resize_height', 'the height to resize to (0: leave it)', whole(0), 0)
    add_flag(parser, 'encode_type', 'how to encode: png, jpg, ... (default: as each file is)')
    add_flag(
        parser, 'seed', 'the same seed gives the same order (default: %(default)s)', whole(0), 0
    )
    return parser


def add_backend(parser: Parser) -> None:
    """--backend."""
    add_flag(
        parser,
        'backend',
        f'the kind of database: {", ".join(BACKENDS)} (default: %(default)s)',
        one_of(BACKENDS),
        'lmdb',
    )


def convert(args: argparse.Namespace) -> None:
    if bool(args.resize_width) != bool(args.resize_height):
        raise UsageError(
            f'--resize_width and --resize_height: found {args.resize_width} and {args.resize_height}, '
            'needed: both or none'
        )
    images = read_images(args.list)
    if args.shuffle:
        log('convert_imageset.cpp:86', 'Shuffling data')
        images = [images[i] for i in np.random.default_rng(args.seed).permutation(len(images))]
    log('convert_imageset.cpp:89', f'A total of {len(images)} images.')
    if args.encode_type and not args.encoded:
        log('convert_imageset.cpp:92', 'encode_type specified, assuming encoded=true.')
    with create_database(args.database, BACKENDS[args.backend]) as database:
        log_opened(args.database, args.backend)
        first, count = None, 0
        for i, (name, label) in enumerate(images):
            try:
                datum, shape = make_datum(name, label, args)
            except ImageError as error:
                log('io.cpp:80', f'Could not open or find file {error}', 'E')
                continue
            first = first or shape
            if args.check_size and shape != first:
                raise DataError(
                    f'{args.root}{name}: Incorrect data field size: found {shape}, the first image has '
                    f'{first}; --resize_height and --resize_width make all the same'
                )
            database.put(f'{i:08}_{name}'.encode(), datum.SerializeToString())
            count += 1
            if count % PROGRESS == 0:
                log('convert_imageset.cpp:147', f'Processed {count} files.')
        if not count:
            raise DataError(
                f'data {args.list}: none of its images can be read; the first was looked for as '
                f'{args.root}{images[0][0]}'
            )
    if count % PROGRESS:
        log('convert_imageset.cpp:153', f'Processed {count} files.')


def read_images(path: str) -> list[tuple[str, int]]:
    """The paths of a list and their labels. Raises DataError."""
    names, labels = read_list(existing_file(path))
    if not names:
        raise DataError(f'data {path}: is empty; needed: a path and a label per line')
    if labels is None:
        raise DataError(
            f"data {path}: '{names[0]}' has no label; needed: a path and a label per line"
        )
    images = list(zip(names, labels, strict=True))
    for name, label in images:
        if not -INT_MAX <= label <= INT_MAX:
            raise DataError(
                f"data {path}: '{name}' has the label {label}, needed: at most {INT_MAX}"
            )
    return images


def make_datum(name: str, label: int, args: argparse.Namespace) -> tuple[Datum, tuple[int, ...]]:
    """The datum of an image, with the shape of its pixels (C, H, W). Raises ImageError."""
    file = args.root + name
    pixels = decode_image(file, color=not args.gray)
    if args.resize_height:
        pixels = resize(pixels, args.resize_height, args.resize_width)
    suffix = name.rpartition('.')[2].lower()
    kind = args.encode_type or suffix
    if not (args.encoded or args.encode_type):
        channels, height, width = pixels.shape
        datum = Datum(
            channels=channels,
            height=height,
            width=width,
            data=pixels.tobytes(),
            label=label,
            encoded=False,
        )
    elif not args.resize_height and (suffix == kind or (suffix, kind) == ('jpeg', 'jpg')):
        with open(file, 'rb') as stored:
            datum = Datum(data=stored.read(), label=label, encoded=True)
    else:
        datum = Datum(data=encode(pixels, kind), label=label, encoded=True)
    return datum, pixels.shape


def encode(pixels: np.ndarray, kind: str) -> bytes:
    """An image file, `kind` its suffix, of pixels (C, H, W): grey, or blue, green, red. Raises
    UsageError."""
    from PIL import Image

    form = Image.registered_extensions().get(f'.{kind}')
    if form not in Image.OPEN or form not in Image.SAVE:
        raise UsageError(
            f"--encode_type: unknown '{kind}', needed: png, jpg or another that Pillow writes and reads"
        )
    out = io.BytesIO()
    planes = (
        pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels[::-1].transpose(1, 2, 0))
    )
    try:
        Image.fromarray(planes).save(out, form, quality=95)  # OpenCV's quality
    except OSError as error:
        raise UsageError(
            f"--encode_type: '{kind}' does not take such pixels ({error}); needed: png or jpg"
        ) from error
    return out.getvalue()


def log_opened(path: str, backend: str) -> None:
    """What Caffe logs of a database that it opens."""
    log(
        {'lmdb': 'db_lmdb.cpp:35', 'leveldb': 'db_leveldb.cpp:18'}[backend],
        f'Opened {backend} {path}',
    )


if __name__ == '__main__':
    sys.exit(main())
