"""The options that tools share."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ...feeding.data_options import DataOptions
from ...feeding.filled_net import PHASES
from ...feeding.net_inputs import BATCH_SIZE
from ...netlib.engines import ENGINES
from ...proto.unknown import MODES
from ..report_page.extras import check_extras
from .console import Parser
from .gpu import CPU_ENGINE, TF32
from .output_file import check_output
from .values import engine, gpu, one_of, real, shape, whole

Group = argparse._ActionsContainer  # a parser, or a group of its options

NET = (
    'a train_val, deploy or solver prototxt, '
    'or a bundled model: lenet, fitnet4/relu, caffenet/deploy (goodinit models lists them)'
)
DIGITS = "if the net's data do not exist, use scikit-learn's digits, as for a bundled model"
SOLVER = 'a solver prototxt, or the name of a bundled model'
WITHOUT_DATA = (
    "Without --data the net's own data layers are read, if their sources exist; "
    "else it gets scikit-learn's digits for one channel, "
    'crops of its two photographs for three, random numbers for words, signals and volumes.'
)
DATA = (
    'a folder of images, a glob, a list file, an .npy or .npz file (N, C, H, W), '
    'an LMDB or LevelDB, or the files of MNIST or CIFAR-10; '
    "transformed as the net's data layer says, "
    'unless --mean, --scale or --crop say otherwise'
)
OWN_BATCH_SIZE = "as the net's data layers say if they are read"
GPU = (
    'compute on the GPU of this number, counted from 0; '
    'all: the processes that mpiexec starts take the GPUs in turn'
)
REPORT = (
    'write a page that shows all of it, in words, plots and numbers, for any browser; '
    'it is one file, and loads nothing'
)
UNKNOWN_FIELDS = (
    'what to do about fields of a data layer or a solver that are not known: '
    'error, or warn and pass them over (default: %(default)s)'
)
NO_SHARE = (
    'give each blob memory of its own, for debugging; '
    'by default, blobs that are not needed at the same time share it'
)


def option(
    group: Group, usage: str, help: str, type: Callable[[str], Any] = str, default: Any = None
) -> None:
    """An option with a value, by its usage: '--scale S', or '-l/--load F'."""
    names, metavar = usage.split()
    group.add_argument(*names.split('/'), metavar=metavar, help=help, type=type, default=default)


def switch(group: Group, usage: str, help: str) -> None:
    """An option that is on or off, by its usage: '--force', or '-a/--all'."""
    group.add_argument(*usage.split('/'), action='store_true', help=help)


def add_net(parser: Parser) -> None:
    """NET or --proto NET, --phase, --no-python-layers and --unknown-fields."""
    group = parser.add_argument_group('the net')
    parser.add_first(group, '--proto', 'net', NET)
    add_phase(group)
    add_strictness(group)


def add_phase(group: Group) -> None:
    """--phase, a key of PHASES."""
    phase = 'the layers of which phase (default: %(default)s)'
    option(group, '--phase train|test', phase, one_of(PHASES), 'train')


def add_strictness(group: Group) -> None:
    """--no-python-layers and --unknown-fields, which console.run heeds."""
    help = 'refuse nets with Python layers, whose code runs when they are built'
    switch(group, '--no-python-layers', help)
    add_unknown_fields(group)


def add_unknown_fields(group: Group) -> None:
    """--unknown-fields, which console.run heeds."""
    option(group, '--unknown-fields MODE', UNKNOWN_FIELDS, one_of(MODES), MODES[0])


def add_force(group: Group) -> None:
    """--force, which console.run heeds."""
    switch(group, '--force', 'let HDF5Output layers replace files that they did not make')


def add_data(parser: Parser) -> None:
    """What DataOptions holds, except for the seed."""
    group = parser.add_argument_group('the data', WITHOUT_DATA)
    add = partial(option, group)
    add('--data PATH', DATA)
    add('--mean M', 'subtract M: a number, one per channel (104,117,123), or a mean file')
    add('--scale S', 'multiply by S, after the mean', real())
    add('--crop N', 'cut N x N pixels from the center of each image', whole(1))
    batch_size = f'samples at a time (default: {BATCH_SIZE}; {OWN_BATCH_SIZE})'
    add('--batch-size N', batch_size, whole(1))
    add('--batches N', 'how many batches (default: %(default)s)', whole(1), 1)
    add_input_shape(group)


def add_input_shape(group: Group) -> None:
    """--input-shape."""
    help = 'the shape of one sample, if it cannot be determined'
    option(group, '--input-shape C,H,W', help, shape)


def add_running(parser: Parser) -> None:
    """--engine, --gpu, --tf32, --seed, --dropout."""
    group = parser.add_argument_group('how to run')
    add_engine(group)
    seed = 'the same seed gives the same weights (default: %(default)s)'
    option(group, '--seed N', seed, whole(0, 2**64 - 1), 0)
    switch(group, '--dropout', 'keep dropout on while activations are measured')


def add_engine(group: Group, together: bool = False) -> None:
    """--engine or --gpu, both as `engine`, and --tf32: gpu.engine_for says what they ask for.
    `together`: the tool can work on several GPUs."""
    either = group.add_mutually_exclusive_group()
    engines = f'what computes: {", ".join(ENGINES)} (default: %(default)s)'
    option(either, '--engine E', engines, engine, CPU_ENGINE)
    either.add_argument(
        '--gpu',
        dest='engine',
        type=partial(gpu, together=together),
        default=argparse.SUPPRESS,
        metavar='N',
        help=GPU,
    )
    switch(group, '--tf32', TF32)


def add_sharing(group: Group) -> None:
    """--no-share, as `share`."""
    group.add_argument('--no-share', dest='share', action='store_false', help=NO_SHARE)


def add_output(parser: Parser, quiet: str) -> Group:
    """--json, and --quiet with what it does; returns their group."""
    group = parser.add_argument_group('what to print')
    switch(group, '--json', 'print the table as JSON')
    switch(group, '--quiet', quiet)
    return group


def add_report(group: Group) -> None:
    """--report."""
    option(group, '--report F.html', REPORT, default='')


def check_report(path: str) -> None:
    """Raises GoodinitError for a report that could not be made, before any work is done."""
    if path:
        check_output(Path(path), force=True)
        check_extras()


def data_options(args: argparse.Namespace, held_out: bool = False) -> DataOptions:
    """What add_data's options say. held_out: take further samples for measurements."""
    return DataOptions(
        data=args.data or None,
        mean=args.mean or None,
        scale=args.scale,
        crop=args.crop,
        batch_size=args.batch_size,
        batches=args.batches,
        input_shape=args.input_shape,
        seed=args.seed,
        held_out=held_out,
    )
