#!/usr/bin/env python3
"""Make the databases of ImageNet that the bundled nets train on.

    goodinit imagenet DIR
    goodinit imagenet DIR --out ilsvrc12 --encoded

DIR has the files of ILSVRC2012 as they are published, ILSVRC2012_img_train.tar, img_val.tar and
devkit_t12.tar.gz (or Caffe's val.txt), which need not be unpacked; or the folders train/ and val/,
with one for each class. What is written, to DIR unless --out says otherwise:

  ilsvrc12_train_lmdb  the training images in a random order, resized
  ilsvrc12_val_lmdb    the validation images likewise
  synsets.txt          the classes; a label is a line of it, counted from 0

A database appears when it is complete. One that is there already is kept, so the same command goes
on after an interruption with the one that is missing.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from goodinit.tools.cli.console import Parser, UsageError, run, say

import numpy as np
from goodinit.feeding.imagenet import Picture, find_training, find_validation
from goodinit.netlib.data.databases import create_database
from goodinit.netlib.data.images import ImageError, cover, decode_image, resize
from goodinit.netlib.data.in_order import in_order
from goodinit.netlib.data.pairs import Writer
from goodinit.netlib.errors import DataError
from goodinit.proto import atomic_write
from goodinit.proto.caffe_pb2 import Datum
from goodinit.tools.cli.arguments import option, switch
from goodinit.tools.cli.encoding import encode
from goodinit.tools.cli.values import whole

ENCODED = 'store images as JPEG, in a sixth of the space'
SHORT = 'resize to cover SIDE x SIDE, keep the middle; by default images are squeezed, as in Caffe'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(make_databases, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit imagenet', __doc__ or '')
    parser.add_argument('folder', metavar='DIR', type=Path, help='the folder of the tar files')
    add = partial(option, parser)
    add('--out OUT', 'the folder to write to (default: DIR)', Path)
    add('--side SIDE', 'pixels of a side (default: %(default)s)', whole(1), 256)
    switch(parser, '--keep-aspect', SHORT)
    switch(parser, '--encoded', ENCODED)
    add('--seed N', 'the same seed gives the same order (default: %(default)s)', whole(0), 0)
    return parser


def make_databases(args: argparse.Namespace) -> None:
    """Find all images, then write a database of each part."""
    if not args.folder.is_dir():
        raise UsageError(f'{args.folder}: no such folder; needed: that of the tar files')
    out = args.out or args.folder
    if not out.is_dir():
        raise UsageError(f'--out: {out}: no such folder')
    training, classes = find_training(args.folder)
    parts = {'train': training, 'val': find_validation(args.folder, classes)}
    with atomic_write(out / 'synsets.txt', 'w') as file:
        file.write('\n'.join(classes) + '\n')
    for name, pictures in parts.items():
        path = out / f'ilsvrc12_{name}_lmdb'
        if path.exists():
            say(f'{path}: is there already; remove it to make it again')
        else:
            write(path, pictures, args)


def write(path: Path, pictures: list[Picture], args: argparse.Namespace) -> None:
    """Write a database in a random order; images that cannot be read are left out."""
    order = np.random.default_rng(args.seed).permutation(len(pictures))
    lost: list[str] = []
    with create_database(path) as database:
        put_all(database, [pictures[i] for i in order], args, lost)
        if len(lost) == len(pictures):
            raise DataError(f'{path}: none of the {len(pictures)} images can be read; {lost[0]}')
    say(f'{path}: {len(pictures) - len(lost)} images')
    if lost:
        count = f'{len(lost)} of {len(pictures)} images'
        say(f'note: {count} cannot be read and are left out; the first: {lost[0]}')


def put_all(
    database: Writer, pictures: list[Picture], args: argparse.Namespace, lost: list[str]
) -> None:
    """Put a datum of each image into the database, with a bar on a terminal."""
    from tqdm import tqdm

    hidden = not sys.stderr.isatty()
    total = len(pictures)
    with tqdm(total=total, unit='image', leave=False, file=sys.stderr, disable=hidden) as bar:
        for i, (picture, made) in enumerate(datums(pictures, args)):
            bar.update()
            if isinstance(made, bytes):
                database.put(f'{i:08}_{picture.name}'.encode(), made)
            else:
                lost.append(str(made))


def datums(
    pictures: list[Picture], args: argparse.Namespace
) -> Iterator[tuple[Picture, bytes | ImageError]]:
    """Each image's datum, or why there is none; made by several threads."""
    return zip(pictures, in_order(partial(make_datum, args=args), pictures), strict=True)


def make_datum(picture: Picture, args: argparse.Namespace) -> bytes | ImageError:
    """A datum as it is stored, or the error of an image that cannot be read."""
    try:
        pixels = decode_image(picture.content(), True, picture.name)
    except ImageError as error:
        return error
    pixels = fit(pixels, args.side, args.keep_aspect)
    datum = Datum(label=picture.label, encoded=args.encoded)
    if args.encoded:
        datum.data = encode(pixels, 'jpg')
    else:
        datum.channels, datum.height, datum.width = pixels.shape
        datum.data = pixels.tobytes()
    return datum.SerializeToString()


def fit(pixels: np.ndarray, side: int, keep_aspect: bool) -> np.ndarray:
    """(3, side, side)"""
    if keep_aspect:
        return cover(pixels, side, side)
    return resize(pixels, side, side)


if __name__ == '__main__':
    sys.exit(main())
