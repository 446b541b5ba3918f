#!/usr/bin/env python3
"""Make the databases of CIFAR-10's binary files, as Caffe's tool of this name does.

    goodinit convert_cifar_data cifar-10-batches-bin .

makes cifar10_train_lmdb and cifar10_test_lmdb in the output folder, in the order of the files, with
the channels red, green, blue. The files may be compressed (.bin.gz, .bin.xz). The databases must
not exist yet.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from goodinit.tools.cli.gflags import GflagsParser, run_logged

import numpy as np
from goodinit.netlib.data.classic import read_cifar10
from goodinit.netlib.errors import DataError
from goodinit.tools.cli.backends import BACKENDS
from goodinit.tools.cli.labeled_images import write_images

FILES = {'train': [f'data_batch_{i}.bin' for i in range(1, 6)], 'test': ['test_batch.bin']}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run_logged(convert, arguments(), argv)


def arguments() -> GflagsParser:
    parser = GflagsParser('goodinit convert_cifar_data', __doc__ or '')
    add = parser.add_argument
    add('input', metavar='IN', help='the folder of the files')
    add('output', metavar='OUT', help='the folder for the databases')
    kinds = tuple(BACKENDS)
    kind = 'lmdb (default) or leveldb'
    add('backend', metavar='BACKEND', nargs='?', choices=kinds, default='lmdb', help=kind)
    return parser


def convert(args: argparse.Namespace) -> None:
    paths = {name: find_all(Path(args.input), files) for name, files in FILES.items()}
    for name in FILES:
        images, labels = read_batches(paths[name])
        folder = f'cifar10_{name}_{args.backend}'
        database = str(Path(args.output) / folder)
        write_images(database, args.backend, images, labels, digits=5)


def read_batches(paths: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """The images uint8 (N, 3, 32, 32) of several files, and their labels. Raises DataError."""
    batches = [read_cifar10(path) for path in paths]
    images = [images for images, _ in batches]
    labels = [labels for _, labels in batches]
    return np.concatenate(images), np.concatenate(labels)


def find_all(folder: Path, names: Sequence[str]) -> list[Path]:
    """The files of these names, perhaps compressed. Raises DataError where one is missing."""
    return [find(folder, name) for name in names]


def find(folder: Path, name: str) -> Path:
    for suffix in ('', '.gz', '.xz'):
        path = folder / f'{name}{suffix}'
        if path.exists():
            return path
    raise DataError(
        f"{folder}: has no {name} (nor {name}.gz, {name}.xz); needed: CIFAR-10's binary version"
    )


if __name__ == '__main__':
    sys.exit(main())
