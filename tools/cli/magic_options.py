"""The options that the scripts of magic_init share (Krähenbühl et al. 2016): magic_init.py and
measure_stat.py."""

import argparse
from functools import partial

from ...feeding.data_options import DataOptions
from .arguments import add_engine, add_input_shape, add_strictness, option
from .console import Parser
from .values import real, whole

IMAGENET_MEAN = '104,117,123'
DEFAULT = '(default: %(default)s)'
NET = 'a net or solver prototxt, or a bundled model'
DATA = (
    f'images of 3 channels, as `goodinit init --data` takes them, minus {IMAGENET_MEAN} '
    "(default: the prototxt's data)"
)


def add_magic_options(parser: Parser) -> None:
    """The net, its weights and its data, and what computes."""
    parser.add_argument('prototxt', metavar='PROTOTXT', help=NET)
    add = partial(option, parser)
    add('-l/--load F', 'load a caffemodel, or weights in HDF5', default='')
    add('-d/--data PATH', DATA, default='')
    add('-s S', f'multiply the images of -d by S {DEFAULT}', real(), 1.0)
    add('-bs N', f'the batch size with -d {DEFAULT}', whole(1), 16)
    add('-nit N', f'how many batches {DEFAULT}', whole(1), 10)
    add_input_shape(parser)
    add_engine(parser)
    add_strictness(parser)


def magic_data(args: argparse.Namespace) -> DataOptions:
    """The data that the published scripts would take."""
    if not args.data:
        return DataOptions(batches=args.nit, input_shape=args.input_shape)
    return DataOptions(
        data=args.data,
        mean=IMAGENET_MEAN,
        scale=args.s,
        batch_size=args.bs,
        batches=args.nit,
        input_shape=args.input_shape,
    )
