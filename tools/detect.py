"""Tell the classes of windows of images with a trained net, as pycaffe's python/detect.py does.

    goodinit detect windows.csv out.csv --model_def deploy.prototxt --pretrained_model w.caffemodel

The input is a .csv file with the header filename,xmin,ymin,xmax,ymax and a window in each line, or
a .txt file of images, a name in each line, in which selective search finds windows. The output is a
.csv file with the columns filename, ymin, xmin, ymax, xmax, class0, class1 and so on, or an .h5
file of the same as HDF5 data sets: filename, window (N, 4) and prediction (N, classes).
"""

import argparse
import csv
import io
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from goodinit.caffe.detector import Detector
from goodinit.netlib.errors import DataError, GoodinitError, import_extra
from goodinit.proto import atomic_write
from goodinit.tools.classify import add_model, build, numbered
from goodinit.tools.cli.arguments import one_of, whole
from goodinit.tools.cli.console import Parser, run, say
from goodinit.tools.cli.initialize_and_report import check_output

CORNERS = ('ymin', 'xmin', 'ymax', 'xmax')
CROP_MODES = {'.csv': 'list', '.txt': 'selective_search'}

Images = dict[str, list[list[int]]]  # the windows of each


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    parser = Parser('goodinit detect', __doc__ or '')
    add = parser.add_argument
    add('input_file', metavar='INPUT', help='a .csv file of windows, or a .txt file of images')
    add('output_file', metavar='OUTPUT', help='the .csv or .h5 file to write')
    add_model(parser)
    add(
        '--crop_mode',
        metavar='M',
        type=one_of(CROP_MODES.values()),
        help='list: the windows of the input; selective_search: windows that it finds (default: as the input has them)',
    )
    add(
        '--context_pad',
        metavar='N',
        type=whole(0),
        default=16,
        help="pixels along each side of the net's input that show what surrounds the window (default: %(default)s)",
    )
    return run(detect, parser, numbered(argv))


def detect(args: argparse.Namespace) -> None:
    given, wanted = (Path(name).suffix.lower() for name in (args.input_file, args.output_file))
    if given not in READERS:
        raise GoodinitError(f'{args.input_file}: found another extension, needed: .csv or .txt')
    if wanted not in WRITERS:
        raise GoodinitError(
            f'{args.output_file}: found another extension, needed: {" or ".join(WRITERS)}'
        )
    if wanted != '.csv':
        import_extra('h5py', 'data')  # before the work, not after it
    listed = (args.crop_mode or CROP_MODES[given]) == 'list'
    if listed and given == '.txt':
        raise GoodinitError(f'{args.input_file}: --crop_mode list needs windows, in a .csv file')
    check_output(Path(args.output_file), force=True)
    images = READERS[given](args.input_file)
    detector = build(Detector, args, context_pad=args.context_pad)
    found = (
        detector.detect_windows(images.items())
        if listed
        else detector.detect_selective_search(list(images))
    )
    if not found:
        raise DataError(f'{args.input_file}: found no windows, needed: one or more')
    say(f'Processed {len(found)} windows.')
    names = [detection['filename'] for detection in found]
    windows, predictions = (
        np.stack([detection[key] for detection in found]) for key in ('window', 'prediction')
    )
    WRITERS[wanted](args.output_file, names, windows, predictions.reshape(len(found), -1))
    say(f'Saved to {args.output_file}')


def read_lines(path: str) -> list[str]:
    """The lines of a file, stripped. Raises DataError."""
    try:
        return [line.strip() for line in Path(path).read_text(encoding='utf-8-sig').splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'{path}: cannot be read ({error})') from error


def read_names(path: str) -> Images:
    """The images of a list, without windows. Raises DataError."""
    return {name: [] for name in read_lines(path) if name}


def read_windows(path: str) -> Images:
    """The windows of each image of a csv file, ymin, xmin, ymax, xmax. Raises DataError."""
    rows = csv.DictReader(read_lines(path), skipinitialspace=True)
    try:
        return windows_of(rows, path)
    except csv.Error as error:
        raise DataError(f'{path}:{rows.line_num + 1}: {error}') from error


def windows_of(rows: csv.DictReader, path: str) -> Images:
    """The windows of each image of the rows of a csv file. Raises DataError, or csv.Error where
    there are no fields."""
    missing = [name for name in ('filename', *CORNERS) if name not in (rows.fieldnames or ())]
    if missing:
        raise DataError(
            f'{path}:1: found no column {", ".join(missing)}; needed: filename, xmin, ymin, xmax, ymax'
        )
    images: Images = {}
    for row in rows:
        try:
            corners = [float(row[name]) for name in CORNERS]
        except (TypeError, ValueError):
            corners = [math.nan]
        if not np.isfinite(corners).all():
            raise DataError(f'{path}:{rows.line_num}: found no four numbers xmin, ymin, xmax, ymax')
        images.setdefault(row['filename'], []).append([int(corner) for corner in corners])
    return images


def write_csv(
    path: str, names: Sequence[str], windows: np.ndarray, predictions: np.ndarray
) -> None:
    with atomic_write(path, 'w') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['filename', *CORNERS, *(f'class{i}' for i in range(predictions.shape[1]))])
        for name, window, prediction in zip(names, windows, predictions, strict=True):
            writer.writerow([name, *window, *prediction])


def write_hdf5(
    path: str, names: Sequence[str], windows: np.ndarray, predictions: np.ndarray
) -> None:
    h5py, made = import_extra('h5py', 'data'), io.BytesIO()
    with h5py.File(made, 'w') as out:
        out.create_dataset('filename', data=list(names), dtype=h5py.string_dtype())
        out['window'], out['prediction'] = windows, predictions
    with atomic_write(path) as file:
        file.write(made.getbuffer())


READERS = {'.csv': read_windows, '.txt': read_names}
WRITERS = {'.csv': write_csv, '.h5': write_hdf5, '.hdf5': write_hdf5}


if __name__ == '__main__':
    sys.exit(main())
