#!/usr/bin/env python3
"""Make the databases of CIFAR-10's binary files, as Caffe's tool of this name.

    goodinit convert_cifar_data cifar-10-batches-bin .

makes cifar10_train_lmdb and cifar10_test_lmdb in the output folder, in the order of the files,
channels red, green, blue. Files may be packed (.bin.gz, .bin.xz). The databases must not be there
yet.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from goodinit.tools.cli.console import Parser, run

import numpy as np
from goodinit.netlib.data.classic import read_cifar10
from goodinit.netlib.errors import DataError
from goodinit.tools.convert_mnist_data import write_images

FILES = {'train': [f'data_batch_{i}.bin' for i in range(1, 6)], 'test': ['test_batch.bin']}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns its exit status."""
    parser = Parser('goodinit convert_cifar_data', __doc__ or '')
    parser.add_argument('input', metavar='IN', help='the folder of the files')
    parser.add_argument('output', metavar='OUT', help='the folder for the databases')
    parser.add_argument(
        'backend',
        metavar='BACKEND',
        nargs='?',
        choices=('lmdb', 'leveldb'),
        default='lmdb',
        help='lmdb (default) or leveldb',
    )
    return run(convert, parser, argv)


def convert(args: argparse.Namespace) -> None:
    sets = {name: [find(Path(args.input), file) for file in files] for name, files in FILES.items()}
    for name, paths in sets.items():
        images, labels = map(np.concatenate, zip(*map(read_cifar10, paths), strict=True))
        write_images(
            str(Path(args.output) / f'cifar10_{name}_{args.backend}'),
            args.backend,
            images,
            labels,
            digits=5,
        )


def find(folder: Path, name: str) -> Path:
    """The file of this name, perhaps packed. Raises DataError."""
    for path in (folder / f'{name}{packed}' for packed in ('', '.gz', '.xz')):
        if path.exists():
            return path
    raise DataError(
        f"{folder}: has no {name} (nor {name}.gz, {name}.xz); needed: CIFAR-10's binary version"
    )


if __name__ == '__main__':
    sys.exit(main())
