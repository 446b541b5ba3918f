"""Tell the classes of images with a trained net, as pycaffe's python/classify.py does.

    goodinit classify cat.jpg --pretrained_model caffenet.caffemodel --labels_file synset_words.txt
    goodinit classify images/ scores.npy --model_def deploy.prototxt --pretrained_model w.caffemodel

Images are resized to --images_dim; what the net says of ten crops (the corners, the center, and
their mirror images) is averaged. The output is an .npy file of a row for each image, files of a
directory in alphabetical order; without an output, with --labels_file or --print_results, the five
best classes are printed.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
from goodinit.caffe import Net
from goodinit.caffe.classifier import Classifier
from goodinit.caffe.common import common
from goodinit.feeding.bundled import find_model
from goodinit.netlib.data.transform import NO_ARRAY, read_mean
from goodinit.netlib.engines import make_engine
from goodinit.netlib.errors import DataError, GoodinitError
from goodinit.netlib.shapes import Shape
from goodinit.proto import atomic_write, existing_file, read_net
from goodinit.tools.cli.arguments import add_engine, add_python_layers, add_sharing, real, shape
from goodinit.tools.cli.console import Parser, run, say
from goodinit.tools.cli.initialize_and_report import check_output
from goodinit.tools.cli.prepare import copy_weights

from goodinit import caffe

MEAN = '104.00698793,116.66876762,122.67891434'  # of ILSVRC 2012's images: blue, green, red
BEST = 5
NetKind = TypeVar('NetKind', bound=Net)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    parser = Parser('goodinit classify', __doc__ or '')
    add = parser.add_argument
    add(
        'input_file',
        metavar='INPUT',
        help='an image, a directory, or an .npy file of images (N, H, W, K) in [0, 1]',
    )
    add('output_file', metavar='OUTPUT', nargs='?', default='', help='the .npy file to write')
    add_model(parser)
    add('--center_only', action='store_true', help='only the crop in the center')
    add(
        '--images_dim',
        metavar='H,W',
        type=sides,
        default=(256, 256),
        help='height and width to resize images to (default: 256,256)',
    )
    add(
        '--ext',
        metavar='E',
        default='jpg',
        help='the files of a directory that are images (default: %(default)s)',
    )
    add('--print_results', action='store_true', help='print the five best classes of each image')
    add(
        '--labels_file',
        metavar='F',
        default='',
        help='print them with their names, one in each line of this file',
    )
    return run(classify, parser, numbered(argv))


def add_model(parser: Parser) -> None:
    """The options that say which net, and how images become its input."""
    add = parser.add_argument
    add(
        '--model_def',
        metavar='P',
        default='caffenet/deploy',
        help="the net's deploy prototxt, or the name of a bundled model (default: %(default)s)",
    )
    add('--pretrained_model', metavar='W', required=True, help='its trained weights')
    add(
        '--mean_file',
        metavar='M',
        help=f"subtract M: an .npy or .binaryproto file, or a number per channel; '' for none (default: {MEAN}, of "
        'ImageNet, for 3 channels)',
    )
    add('--input_scale', metavar='S', type=real(), help='multiply by S at the end')
    add(
        '--raw_scale',
        metavar='S',
        type=real(),
        default=255.0,
        help='multiply by S before the mean is subtracted (default: %(default)g)',
    )
    add(
        '--channel_swap',
        metavar='C',
        type=order,
        help="the order of the channels (default: 2,1,0 for 3 channels, from RGB to BGR; '' for as they are)",
    )
    add_engine(parser)
    add_sharing(parser)
    add_python_layers(parser)


def numbered(argv: Sequence[str] | None) -> list[str]:
    """The command line with a number after --gpu, which pycaffe's scripts take without: 0."""
    given = list(sys.argv[1:] if argv is None else argv)
    return [
        '--gpu=0' if word == '--gpu' and not after.isdecimal() and after != 'all' else word
        for word, after in pairwise([*given, ''])
    ]


def model_arguments(args: argparse.Namespace) -> dict:
    """What Classifier and Detector take of add_model's options. Raises GoodinitError."""
    common.engine = make_engine(args.engine)
    path = find_model(args.model_def, 'deploy')
    color = channels(path) == 3
    mean = MEAN * color if args.mean_file is None else args.mean_file
    swap = [2, 1, 0] * color if args.channel_swap is None else args.channel_swap
    return {
        'model_file': str(path),
        'pretrained_file': existing_file(args.pretrained_model),
        'mean': mean_of(mean) if mean else None,
        'input_scale': args.input_scale,
        'raw_scale': args.raw_scale,
        'channel_swap': swap or None,
    }


def channels(path: Path) -> int:
    """Of the net's first input; 0 where it has none."""
    shapes = [
        layer.input_param.shape[0].dim for layer in read_net(path).layer if layer.input_param.shape
    ]
    return shapes[0][1] if shapes and len(shapes[0]) == 4 else 0


def mean_of(text: str) -> np.ndarray:
    """Numbers, one per channel, or the image (C, H, W) of a file. Raises DataError."""
    try:
        return np.array([float(value) for value in text.split(',')], np.float32)
    except ValueError:
        return read_mean(text)


def sides(text: str) -> Shape:
    """A type of heights and widths, such as 256,256."""
    found = shape(text)
    if len(found) != 2:
        raise argparse.ArgumentTypeError(
            f"found '{text}', needed: a height and a width, such as 256,256"
        )
    return found


def order(text: str) -> list[int]:
    """A type of permutations, such as 2,1,0."""
    numbers = text.replace(' ', '').split(',')
    if text and sorted(numbers) != [str(i) for i in range(len(numbers))]:
        raise argparse.ArgumentTypeError(
            f"found '{text}', needed: an order of the channels, such as 2,1,0"
        )
    return [int(i) for i in numbers if i]


def build(kind: Callable[..., NetKind], args: argparse.Namespace, **options) -> NetKind:
    """pycaffe's Classifier or Detector, with a word on layers that only the net or its weights
    have."""
    try:
        made = kind(**options, **model_arguments(args))
    except (ValueError, RuntimeError) as error:
        raise GoodinitError(str(error)) from error
    for note in copy_weights(made.net, args.pretrained_model):
        say(f'note: {note}')
    if args.share:
        made.net.share_memory()
    return made


def classify(args: argparse.Namespace) -> None:
    if args.output_file:
        if not args.output_file.endswith('.npy'):
            raise GoodinitError(f'{args.output_file}: found another extension, needed: .npy')
        check_output(Path(args.output_file), force=True)
    labels = read_labels(args.labels_file) if args.labels_file else None
    classifier = build(Classifier, args, image_dims=args.images_dim)
    names, images = open_images(
        args.input_file, args.ext, classifier.blobs[classifier.inputs[0]].channels
    )
    say(f'Classifying {len(images)} inputs.')
    predictions = classifier.predict(images, not args.center_only)
    scores = zip(names, predictions.reshape(len(images), -1), strict=True)
    lines = [line for name, row in scores for line in (name, *best(row, labels))]
    if args.output_file:
        with atomic_write(args.output_file) as file:
            np.save(file, predictions)
        say(f'Saved results into {args.output_file}')
    if labels is not None or args.print_results or not args.output_file:
        print('\n'.join(lines))


def read_labels(path: str) -> list[str]:
    """A name for each class. Raises DataError."""
    try:
        return Path(path).read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'{path}: cannot be read as the names of classes ({error})') from error


def open_images(name: str, ext: str, channels: int) -> tuple[list[str], Sequence[np.ndarray]]:
    """Images (H, W, K) and what to call them. Raises DataError."""
    path = Path(name).expanduser()
    if path.suffix == '.npy':
        try:
            images = np.load(path)
        except NO_ARRAY as error:
            raise DataError(f'{name}: cannot be read as a NumPy array ({error})') from error
        if images.ndim != 4 or images.shape[3] != channels or images.dtype.kind not in 'biuf':
            raise DataError(
                f'{name}: found {images.dtype} of shape {images.shape}, needed: numbers of shape '
                f'(N, H, W, {channels})'
            )
        if not (images.size and np.isfinite(images).all()):
            raise DataError(
                f'{name}: found {"NaN or infinity" if images.size else "no pixels"}, needed: images'
            )
        return [f'{name}[{i}]' for i in range(len(images))], images
    paths = sorted(path.glob(f'*.{ext}')) if path.is_dir() else [path]
    if not paths:
        raise DataError(f'{name}: found no *.{ext} in it; --ext names another extension')
    return [str(path) for path in paths], [
        caffe.io.load_image(path, color=channels != 1) for path in paths
    ]


def best(scores: np.ndarray, labels: Sequence[str] | None) -> list[str]:
    """A line for each of the best classes. Raises DataError where there are fewer names than
    classes."""
    if labels is not None and len(labels) < len(scores):
        raise DataError(
            f'--labels_file: found {len(labels)} names, needed: {len(scores)}, one for each class'
        )
    names = range(len(scores)) if labels is None else labels
    return [f'{scores[i]:11.5f}  {names[i]}' for i in np.argsort(-scores, kind='stable')[:BEST]]


if __name__ == '__main__':
    sys.exit(main())
