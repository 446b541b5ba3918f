"""The options that tools share, and the kinds of values they take."""

import argparse
import math
import re
from collections.abc import Callable, Iterable
from functools import partial

from ...feeding.inputs import DataOptions
from ...feeding.sampling import BATCH_SIZE
from ...netlib.engines import ENGINES
from ...netlib.errors import did_you_mean
from ...netlib.shapes import Shape
from .console import Parser
from .gpu import use_all_gpus, use_gpu
from .prepare import CPU_ENGINE

# Of Caffe's fields, and INT_MAX of the numbers in a blob.
INT_MAX, FLOAT_MAX = 2**31 - 1, 3.4028234e38
UNITS = {'': 1, 'KB': 10**3, 'MB': 10**6, 'GB': 10**9}


def whole(least: int, most: int = INT_MAX) -> Callable[[str], int]:
    """A type of whole numbers from `least` to `most`."""

    def convert(text: str) -> int:
        number = int(text) if re.fullmatch(r'[+-]?\d{1,99}', text) else None
        if number is None or not least <= number <= most:
            above = f'{least} or more' if number is None or number < least else f'at most {most}'
            raise argparse.ArgumentTypeError(f"found '{text}', needed: a whole number, {above}")
        return number

    return convert


def real(above: float = -math.inf) -> Callable[[str], float]:
    """A type of numbers that a float32 holds, greater than `above` where it is given."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (abs(value) <= FLOAT_MAX and value > above):
            more = f' greater than {above:g}' if above > -math.inf else ''
            more += f' of at most {FLOAT_MAX:g}' if FLOAT_MAX < abs(value) < math.inf else ''
            raise argparse.ArgumentTypeError(f"found '{text}', needed: a number{more}")
        return value

    return convert


def one_of(names: Iterable[str]) -> Callable[[str], str]:
    """A type of words, with a guess at what a misspelt one meant."""
    known = list(names)

    def convert(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(
                f"unknown '{text}'{did_you_mean(text, known)} (known: {', '.join(known)})"
            )
        return text

    return convert


def size(text: str) -> int:
    """Bytes, from '500MB', '2GB' or a plain number."""
    found = re.fullmatch(r'(\d+(?:\.\d+)?) ?([KMG]?B?)', text.upper())
    unit = found and found[2].removesuffix('B')
    value = int(float(found[1]) * UNITS[unit + 'B' if unit else '']) if found else 0
    if value < 1:
        raise argparse.ArgumentTypeError(
            f"found '{text}', needed: an amount of memory such as 500MB or 2GB"
        )
    return value


def shape(text: str) -> Shape:
    """Extents, from '3,227,227' or '3x227x227'."""
    parts = re.split('[,x ]+', text.strip())
    if not all(re.fullmatch(r'\d{1,99}', part) and int(part) for part in parts):
        raise argparse.ArgumentTypeError(
            f"found '{text}', needed: positive extents such as 3,227,227"
        )
    found = tuple(map(int, parts))
    if math.prod(found) > INT_MAX:
        raise argparse.ArgumentTypeError(
            f"found '{text}', needed: at most {INT_MAX} numbers in all"
        )
    return found


def pattern(text: str) -> str:
    """A regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(
            f"found '{text}', which is not a regular expression: {error}"
        ) from None
    return text


def engine(text: str) -> str:
    """The name of an engine, perhaps with 'checked:' before it."""
    prefix, _, name = text.rpartition(':')
    if prefix not in ('', 'checked'):
        raise argparse.ArgumentTypeError(
            f"unknown '{text}' (known: {', '.join(ENGINES)}, and checked:NAME)"
        )
    one_of(ENGINES)(name)
    return text


def gpu(text: str, together: bool = False) -> str:
    """The engine that computes on the GPU of a number, or on this process's share of all; the GPU
    is opened. Raises EngineError where there is none."""
    if text == 'all':
        return use_all_gpus(together)
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(
            f"found '{text}', needed: the number of one GPU, such as 0, or all"
        )
    return use_gpu(int(text))


def add_net(parser: Parser) -> None:
    """--proto and --no-python-layers."""
    group = parser.add_argument_group('the net')
    group.add_argument(
        '--proto',
        metavar='P',
        required=True,
        help='a train_val, deploy or solver prototxt, or a bundled model: lenet, fitnet4/relu, '
        'caffenet/deploy (goodinit models lists them)',
    )
    add_python_layers(group)


def add_python_layers(parser: argparse._ActionsContainer) -> None:
    """--no-python-layers, which console.run heeds."""
    parser.add_argument(
        '--no-python-layers',
        action='store_true',
        help='refuse nets with Python layers, whose code runs when they are built',
    )


def add_data(parser: Parser) -> None:
    """What DataOptions holds, but for the seed."""
    group = parser.add_argument_group(
        'the data',
        "Without --data the net's own data layers are read, if their sources are there; else "
        "scikit-learn's digits stand in for one channel, crops of its two photographs for three.",
    )
    add = group.add_argument
    add(
        '--data',
        metavar='PATH',
        default='',
        help='a folder of images, a glob, a list file, an .npy or .npz file (N, C, H, W), an LMDB or LevelDB, or the '
        "files of MNIST or CIFAR-10; transformed as the net's data layer says, unless --mean, --scale or --crop "
        'do',
    )
    add(
        '--mean',
        metavar='M',
        default='',
        help='subtract M: a number, one per channel (104,117,123), or a mean file',
    )
    add('--scale', metavar='S', type=real(), help='multiply by S, after the mean')
    add(
        '--crop',
        metavar='N',
        type=whole(1),
        help='cut N x N pixels out of the centre of each image',
    )
    add(
        '--batch-size',
        metavar='N',
        type=whole(1),
        help=f"samples at a time (default: {BATCH_SIZE}; as the net's data layers say where they are read)",
    )
    add(
        '--batches',
        metavar='N',
        type=whole(1),
        default=1,
        help='how many batches (default: %(default)s)',
    )
    add_input_shape(group)


def add_input_shape(parser: argparse._ActionsContainer) -> None:
    """--input-shape."""
    parser.add_argument(
        '--input-shape',
        metavar='C,H,W',
        type=shape,
        help='the shape of one sample, where it cannot be told',
    )


def add_running(parser: Parser) -> None:
    """--engine, --gpu, --seed, --dropout."""
    group = parser.add_argument_group('how to run')
    add_engine(group)
    group.add_argument(
        '--seed',
        type=whole(0, 2**64 - 1),
        default=0,
        metavar='N',
        help='the same seed gives the same weights (default: %(default)s)',
    )
    group.add_argument(
        '--dropout', action='store_true', help='keep dropout on while looking at activations'
    )


def add_engine(parser: argparse._ActionsContainer, together: bool = False) -> None:
    """--engine or --gpu, both as `engine`; `together`: mpiexec can start the tool on several GPUs."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        '--engine',
        type=engine,
        default=CPU_ENGINE,
        metavar='E',
        help=f'what computes: {", ".join(ENGINES)} (default: %(default)s)',
    )
    either.add_argument(
        '--gpu',
        dest='engine',
        type=partial(gpu, together=together),
        default=argparse.SUPPRESS,
        metavar='N',
        help='compute on the GPU of this number, the first is 0; all: the processes that '
        'mpiexec starts take them in turn',
    )


def add_sharing(parser: argparse._ActionsContainer) -> None:
    """--no-share, as `share`."""
    parser.add_argument(
        '--no-share',
        dest='share',
        action='store_false',
        help='give each blob memory of its own, to look for errors: by default those that are not '
        'needed at the same time share it',
    )


def add_output(parser: Parser, quiet: str) -> None:
    """--json, and --quiet with what it does."""
    group = parser.add_argument_group('what to print')
    group.add_argument('--json', action='store_true', help='print the table as JSON')
    group.add_argument('--quiet', action='store_true', help=quiet)


def data_options(args: argparse.Namespace) -> DataOptions:
    """What add_data's options say."""
    return DataOptions(
        args.data,
        args.mean,
        args.scale,
        args.crop,
        args.batch_size,
        args.batches,
        args.input_shape,
        args.seed,
    )
