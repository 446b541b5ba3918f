"""What the commands that stand for pycaffe's classify.py and detect.py share: the options that say
which net and how images become its input, and the net itself."""

import argparse
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ...caffe import Net
from ...caffe.common import common
from ...feeding.bundled import find_model
from ...feeding.weights_file import take_weights
from ...netlib.data.array_files import read_mean
from ...netlib.engines import make_engine
from ...netlib.errors import DataError, GoodinitError
from ...netlib.statistics import MEANINGLESS, missing_statistics
from ...proto import existing_file, read_net
from .arguments import add_engine, add_sharing, add_strictness
from .console import Parser, say_notes
from .gpu import engine_for
from .values import ANY_GPU, real

MEAN = '104.00698793,116.66876762,122.67891434'  # of ILSVRC 2012's images: blue, green, red
NetKind = TypeVar('NetKind', bound=Net)


def add_model(parser: Parser) -> None:
    """The options that say which net, and how images become its input."""
    add = parser.add_argument
    add_net(parser, default='caffenet/deploy')
    mean = (
        "subtract M: an .npy or .binaryproto file, or a number per channel; '' for none "
        f'(default: {MEAN}, of ImageNet, for 3 channels)'
    )
    add('--mean_file', metavar='M', help=mean)
    add('--input_scale', metavar='S', type=real(), help='multiply by S at the end')
    scale = 'multiply by S before the mean is subtracted (default: %(default)g)'
    add('--raw_scale', metavar='S', type=real(), default=255.0, help=scale)
    swap = (
        'the order of the channels (default: 2,1,0 for 3 channels, from RGB to BGR; '
        "'' leaves it unchanged)"
    )
    add('--channel_swap', metavar='C', type=order, help=swap)
    add_engine(parser)
    add_sharing(parser)
    add_strictness(parser)


def add_net(parser: Parser, default: str) -> None:
    """The options that name a trained net: `--proto` and `--weights`, as in all commands, which
    pycaffe's scripts call `--model_def` and `--pretrained_model`."""
    add = parser.add_argument
    deploy = "the net's deploy prototxt, or the name of a bundled model (default: %(default)s)"
    add('--proto', '--model_def', dest='model_def', metavar='P', default=default, help=deploy)
    names = ('--weights', '--pretrained_model')
    add(*names, dest='pretrained_model', metavar='W', required=True, help='its trained weights')


def order(text: str) -> list[int]:
    """A type of permutations, such as 2,1,0."""
    numbers = text.replace(' ', '').split(',')
    if text and sorted(numbers) != [str(i) for i in range(len(numbers))]:
        raise argparse.ArgumentTypeError(
            f"found '{text}', needed: an order of the channels, such as 2,1,0"
        )
    return [int(number) for number in numbers if number]


def numbered(argv: Sequence[str] | None) -> list[str]:
    """The command line with --gpu=any for a --gpu without a number: as in pycaffe's scripts, it
    asks for the first GPU, and the CPU computes where there is none.

    argv: None for the process's own.
    """
    given = sys.argv[1:] if argv is None else argv
    words: list[str] = []
    for word, after in pairwise([*given, '']):
        has_number = after.isdecimal() or after == 'all'
        bare = word == '--gpu' and not has_number
        words.append(f'--gpu={ANY_GPU}' if bare else word)
    return words


def build(kind: Callable[..., NetKind], args: argparse.Namespace, **options: Any) -> NetKind:
    """The Classifier or Detector that add_model's options and `options` describe.

    Says which layers only the net or only its weights have. Raises GoodinitError.
    """
    try:
        made = kind(**options, **model_arguments(args))
    except (ValueError, RuntimeError) as error:
        raise GoodinitError(str(error)) from error
    say_notes(take_weights(made.net, args.pretrained_model))
    say_notes(missing_statistics(made.net.layers, MEANINGLESS))
    if args.share:
        made.net.share_memory()
    return made


def model_arguments(args: argparse.Namespace) -> dict[str, Any]:
    """What Classifier and Detector take of add_model's options. Raises GoodinitError."""
    common.engine = make_engine(engine_for(args))
    path = find_model(args.model_def, 'deploy')
    mean = args.mean_file
    swap = args.channel_swap
    channels = input_channels(path)
    if channels == 3:
        mean = MEAN if mean is None else mean
        swap = [2, 1, 0] if swap is None else swap
    return {
        'model_file': str(path),
        'pretrained_file': existing_file(args.pretrained_model),
        'mean': mean_of(mean, channels) if mean else None,
        'input_scale': args.input_scale,
        'raw_scale': args.raw_scale,
        'channel_swap': swap or None,
    }


def input_channels(path: Path) -> int:
    """The channels of the net's first input; 0 where it has none."""
    for layer in read_net(path).layer:
        if layer.input_param.shape:
            dims = layer.input_param.shape[0].dim
            return dims[1] if len(dims) == 4 else 0
    return 0


def mean_of(text: str, channels: int) -> np.ndarray:
    """Numbers, one per channel, or the image (C, H, W) of a file; C is 1 or the net's `channels`,
    0 if that is not known. Raises DataError."""
    try:
        return np.array([float(value) for value in text.split(',')], np.float32)
    except ValueError:
        mean = read_mean(text)
    if channels and len(mean) not in (1, channels):
        raise DataError(
            f'--mean_file {text}: found {len(mean)} channels, needed: {channels}, as many as the '
            'net has'
        )
    return mean
