#!/usr/bin/env python3
"""Name the classes of windows of images with a trained net, as pycaffe's python/detect.py does.

    goodinit detect windows.csv out.csv --proto deploy.prototxt --weights w.caffemodel

The input is a .csv file with the header filename,xmin,ymin,xmax,ymax and a window in each line, or
a .txt file with the name of an image in each line, in which selective search finds windows. The
output is a .csv file with the columns filename, ymin, xmin, ymax, xmax, class0, class1 and so on,
or an .h5 file of the same as HDF5 data sets: filename, window (N, 4) and prediction (N, classes).
Where pandas and PyTables are installed, the .h5 file also has the table that pycaffe's script
writes: pandas.read_hdf(OUTPUT, 'df').

With --draw FOLDER or --json it takes images instead, and finds objects in them with a Fast R-CNN:

    goodinit detect --draw found/ street.jpg --weights trained.caffemodel
    goodinit detect --json --help
"""

import argparse
import csv
import io
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from goodinit.tools.cli.console import Parser, run, say

import numpy as np
from goodinit.caffe.detector import Detector
from goodinit.netlib.errors import DataError, GoodinitError, import_extra
from goodinit.proto import ProtoError, atomic_write
from goodinit.proto.files import read_utf8
from goodinit.tools.cli import objects
from goodinit.tools.cli.output_file import check_output
from goodinit.tools.cli.pandas_frame import CORNERS, has_pandas, with_frame
from goodinit.tools.cli.pycaffe_model import add_model, build, numbered
from goodinit.tools.cli.values import one_of, whole

CROP_MODES = {'.csv': 'list', '.txt': 'selective_search'}

Images = dict[str, list[list[int]]]  # the windows of each


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    given = numbered(argv)
    if objects.are_wanted(given):
        return objects.main(given)
    return run(detect, arguments(), given)


def arguments() -> Parser:
    parser = Parser('goodinit detect', __doc__ or '')
    add = parser.add_argument
    add('input_file', metavar='INPUT', help='a .csv file of windows, or a .txt file of images')
    add('output_file', metavar='OUTPUT', help='the .csv or .h5 file to write')
    add_model(parser)
    mode = (
        'list: the windows of the input; selective_search: windows that selective search finds '
        '(default: list for a .csv file)'
    )
    add('--crop_mode', metavar='M', type=one_of(CROP_MODES.values()), help=mode)
    pad = (
        "pixels of context along each side of the net's input, around the window "
        '(default: %(default)s)'
    )
    add('--context_pad', metavar='N', type=whole(0), default=16, help=pad)
    return parser


def detect(args: argparse.Namespace) -> None:
    check_files(args)
    read = READERS[suffix_of(args.input_file)]
    images = read(args.input_file)
    detector = build(Detector, args, context_pad=args.context_pad)
    if is_listed(args):
        found = detector.detect_windows(images.items())
    else:
        found = detector.detect_selective_search(list(images))
    if not found:
        raise DataError(f'{args.input_file}: found no windows, needed: one or more')
    say(f'Processed {len(found)} windows.')
    write = WRITERS[suffix_of(args.output_file)]
    write(args.output_file, found)
    say(f'Saved to {args.output_file}')


def check_files(args: argparse.Namespace) -> None:
    """Raises GoodinitError, before the work begins, for files of other kinds, and an output that
    cannot be written."""
    given = suffix_of(args.input_file)
    wanted = suffix_of(args.output_file)
    if given not in READERS:
        raise GoodinitError(f'{args.input_file}: found another extension, needed: .csv or .txt')
    if wanted not in WRITERS:
        needed = ' or '.join(WRITERS)
        raise GoodinitError(f'{args.output_file}: found another extension, needed: {needed}')
    if wanted != '.csv':
        import_extra('h5py', 'data')
    if is_listed(args) and given == '.txt':
        raise GoodinitError(f'{args.input_file}: --crop_mode list needs windows, in a .csv file')
    check_output(Path(args.output_file), force=True)


def suffix_of(path: str) -> str:
    return Path(path).suffix.lower()


def is_listed(args: argparse.Namespace) -> bool:
    """Whether the windows are those of the input."""
    mode = args.crop_mode or CROP_MODES[suffix_of(args.input_file)]
    return mode == 'list'


# -- reading


def read_lines(path: str) -> list[str]:
    """The lines of a file, stripped. Raises DataError."""
    try:
        text = read_utf8(path)
    except ProtoError as error:
        raise DataError(f'{path}: cannot be read ({error})') from error
    return [line.strip() for line in text.splitlines()]


def read_names(path: str) -> Images:
    """The images of a list, without windows. Raises DataError."""
    return {name: [] for name in read_lines(path) if name}


def read_windows(path: str) -> Images:
    """The windows of each image of a .csv file, ymin, xmin, ymax, xmax. Raises DataError."""
    rows = csv.DictReader(read_lines(path), skipinitialspace=True)
    try:
        return windows_of(rows, path)
    except csv.Error as error:
        raise DataError(f'{path}:{rows.line_num + 1}: {error}') from error


def windows_of(rows: csv.DictReader, path: str) -> Images:
    """The windows of each image of the rows of a .csv file. Raises DataError, or csv.Error where
    the rows have no fields."""
    fields = rows.fieldnames or ()
    missing = [name for name in ('filename', *CORNERS) if name not in fields]
    if missing:
        raise DataError(
            f'{path}:1: found no column {", ".join(missing)}; '
            'needed: filename, xmin, ymin, xmax, ymax'
        )
    images: Images = {}
    for row in rows:
        corners = corners_of(row)
        if corners is None:
            raise DataError(f'{path}:{rows.line_num}: needed: four numbers xmin, ymin, xmax, ymax')
        images.setdefault(row['filename'], []).append(corners)
    return images


def corners_of(row: dict[str, Any]) -> list[int] | None:
    """The window of a row; None where it has no four finite numbers."""
    try:
        corners = [float(row[name]) for name in CORNERS]
    except (TypeError, ValueError):
        return None
    if not all(math.isfinite(corner) for corner in corners):
        return None
    return [int(corner) for corner in corners]


# -- writing


def write_csv(path: str, found: Sequence[dict[str, Any]]) -> None:
    count = found[0]['prediction'].size
    classes = [f'class{i}' for i in range(count)]
    with atomic_write(path, 'w') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['filename', *CORNERS, *classes])
        for detection in found:
            name = detection['filename']
            window = detection['window']
            prediction = detection['prediction'].ravel()
            writer.writerow([name, *window, *prediction])


def write_hdf5(path: str, found: Sequence[dict[str, Any]]) -> None:
    h5py = import_extra('h5py', 'data')
    names = [detection['filename'] for detection in found]
    windows = [detection['window'] for detection in found]
    predictions = [detection['prediction'].ravel() for detection in found]
    made = io.BytesIO()
    with h5py.File(made, 'w') as out:
        out.create_dataset('filename', data=names, dtype=h5py.string_dtype())
        out['window'] = np.stack(windows)
        out['prediction'] = np.stack(predictions)
    content = made.getvalue()
    if has_pandas():
        content = with_frame(content, found)
    with atomic_write(path) as file:
        file.write(content)


READERS: dict[str, Callable[[str], Images]] = {'.csv': read_windows, '.txt': read_names}
WRITERS = {'.csv': write_csv, '.h5': write_hdf5, '.hdf5': write_hdf5}


if __name__ == '__main__':
    sys.exit(main())
