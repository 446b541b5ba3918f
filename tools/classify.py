#!/usr/bin/env python3
"""Name the classes of images with a trained net, as pycaffe's python/classify.py does.

    goodinit classify cat.jpg --weights caffenet.caffemodel --labels_file synset_words.txt
    goodinit classify images/ scores.npy --proto deploy.prototxt --weights w.caffemodel

Images are resized to --images_dim; the scores are the mean over ten crops: the corners, the center,
and their mirror images. The output is an .npy file with a row for each image, the files of a
directory in alphabetical order. Without an output, or with --labels_file or --print_results, the
five best classes are printed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from goodinit.tools.cli.console import Parser, run, say

import numpy as np
from goodinit.caffe.classifier import Classifier, Images
from goodinit.caffe.io import load_image
from goodinit.netlib.checked_npy import ArrayFileError, read_npy
from goodinit.netlib.errors import DataError, GoodinitError
from goodinit.netlib.shapes import Shape
from goodinit.proto import ProtoError, atomic_write
from goodinit.proto.files import read_utf8
from goodinit.tools.cli.output_file import check_output
from goodinit.tools.cli.pycaffe_model import add_model, build, numbered
from goodinit.tools.cli.values import shape

BEST = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(classify, arguments(), numbered(argv))


def arguments() -> Parser:
    parser = Parser('goodinit classify', __doc__ or '')
    add = parser.add_argument
    images = 'an image, a directory, or an .npy file of images (N, H, W, K) in [0, 1]'
    add('input_file', metavar='INPUT', help=images)
    add('output_file', metavar='OUTPUT', nargs='?', default='', help='the .npy file to write')
    add_model(parser)
    add('--center_only', action='store_true', help='only the crop in the center')
    dims = 'height and width to resize images to (default: 256,256)'
    add('--images_dim', metavar='H,W', type=sides, default=(256, 256), help=dims)
    ext = 'the files of a directory that are images (default: %(default)s)'
    add('--ext', metavar='E', default='jpg', help=ext)
    best = 'print the five best classes of each image'
    add('--print_results', action='store_true', help=best)
    labels = 'print them with their names, one in each line of this file'
    add('--labels_file', metavar='F', default='', help=labels)
    return parser


def sides(text: str) -> Shape:
    """A type of heights and widths, such as 256,256."""
    found = shape(text)
    if len(found) != 2:
        raise argparse.ArgumentTypeError(
            f"found '{text}', needed: a height and a width, such as 256,256"
        )
    return found


def classify(args: argparse.Namespace) -> None:
    if args.output_file:
        check_array_output(args.output_file)
    labels = read_labels(args.labels_file) if args.labels_file else None
    classifier = build(Classifier, args, image_dims=args.images_dim)
    channels = classifier.blobs[classifier.inputs[0]].channels
    names, images = open_images(args.input_file, args.ext, channels)
    say(f'Classifying {len(images)} inputs.')
    predictions = classifier.predict(images, not args.center_only)
    results = result_lines(names, predictions, labels)
    if args.output_file:
        save(predictions, args.output_file)
    if labels is not None or args.print_results or not args.output_file:
        print('\n'.join(results))


def result_lines(
    names: Sequence[str], predictions: np.ndarray, labels: Sequence[str] | None
) -> list[str]:
    """For each image its name, and its best classes. Raises DataError."""
    lines: list[str] = []
    for name, prediction in zip(names, predictions, strict=True):
        lines.append(name)
        lines += best_classes(prediction.ravel(), labels)
    return lines


def best_classes(scores: np.ndarray, labels: Sequence[str] | None) -> list[str]:
    """A line for each of the best classes, with its score and its name or number.

    Raises DataError where there are fewer names than classes.
    """
    if labels is not None and len(labels) < len(scores):
        raise DataError(
            f'--labels_file: found {len(labels)} names, needed: {len(scores)}, one for each class'
        )
    lines: list[str] = []
    for i in np.argsort(-scores, kind='stable')[:BEST]:
        name = i if labels is None else labels[i]
        lines.append(f'{scores[i]:11.5f}  {name}')
    return lines


# -- files


def read_labels(path: str) -> list[str]:
    """A name for each class. Raises DataError."""
    try:
        return read_utf8(path).splitlines()
    except ProtoError as error:
        raise DataError(f'{path}: cannot be read as the names of classes ({error})') from error


def open_images(name: str, ext: str, channels: int) -> tuple[list[str], Images]:
    """The images of an .npy file, of the files *.`ext` of a directory, or of one file; what to
    call each, and its pixels (H, W, K).

    Raises DataError.
    """
    path = Path(name).expanduser()
    if path.suffix == '.npy':
        array = read_array(path, name, channels)
        return [f'{name}[{i}]' for i in range(len(array))], array
    paths = [path]
    if path.is_dir():
        paths = sorted(path.glob(f'*.{ext}'))
    if not paths:
        raise DataError(f'{name}: found no *.{ext} in it; --ext names another extension')
    images = [load_image(path, color=channels != 1) for path in paths]
    return list(map(str, paths)), images


def read_array(path: Path, name: str, channels: int) -> np.ndarray:
    """The images (N, H, W, K) of an .npy file, which the user calls `name`. Raises DataError."""
    try:
        images = read_npy(path)
    except ArrayFileError as error:
        raise DataError(f'{name}: cannot be read as a NumPy array ({error})') from error
    if images.ndim != 4 or images.shape[3] != channels or images.dtype.kind not in 'biuf':
        raise DataError(
            f'{name}: found {images.dtype} of shape {images.shape}, needed: numbers of shape '
            f'(N, H, W, {channels})'
        )
    if not images.size:
        raise DataError(f'{name}: found no pixels, needed: images')
    if not np.isfinite(images).all():
        raise DataError(f'{name}: found NaN or infinity, needed: images')
    return images


def check_array_output(path: str) -> None:
    """Raises GoodinitError where an .npy file could not be written."""
    if not path.endswith('.npy'):
        raise GoodinitError(f'{path}: found another extension, needed: .npy')
    check_output(Path(path), force=True)


def save(predictions: np.ndarray, path: str) -> None:
    with atomic_write(path) as file:
        np.save(file, predictions)
    say(f'Saved results into {path}')


if __name__ == '__main__':
    sys.exit(main())
