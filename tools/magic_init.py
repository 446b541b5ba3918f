"""Initialize a net with the command line of magic_init (Krähenbühl et al. 2016).

    tools/magic_init.py train_val.prototxt initialized.caffemodel -t kmeans -cs
    tools/magic_init.py train_val.prototxt initialized.caffemodel -d 'images/*.jpg' -bs 16 -nit 10

Layers whose weights are all zero are initialized, those with a filler or loaded weights only with
-z. -cs balances the change rates exactly and on any net, where the published script iterates on
chains. `goodinit init` does it too.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from goodinit.feeding.inputs import DataOptions
from goodinit.feeding.net_file import open_net
from goodinit.initializers import Recipe
from goodinit.netlib import Net
from goodinit.netlib.layers.shared.affine import Affine
from goodinit.tools.cli.arguments import (
    add_engine,
    add_input_shape,
    add_python_layers,
    one_of,
    real,
    whole,
)
from goodinit.tools.cli.console import Parser, run, say
from goodinit.tools.cli.initialize_and_report import check_output, initialize_and_report
from goodinit.tools.cli.prepare import prepare

FROM_SAMPLES = ('pca', 'zca', 'kmeans', 'rand')
TYPES = ('elwise', *FROM_SAMPLES, *(f'fast_{name}' for name in ('elwise', *FROM_SAMPLES)))
IMAGENET_MEAN = '104,117,123'
BALANCE = Recipe('keep', 'none', 'exact')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(magic_init, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('magic_init.py', __doc__ or '')
    add_published(parser)
    add = parser.add_argument
    add(
        'out',
        metavar='OUT',
        help='the caffemodel to write, or as .h5 HDF5; one that is there is overwritten',
    )
    add(
        '-b',
        '--bias',
        type=real(),
        default=0.1,
        metavar='V',
        help='the mean of every output (default: %(default)s)',
    )
    add(
        '-t',
        '--type',
        type=one_of(TYPES),
        default='elwise',
        metavar='T',
        help='elwise (Gaussian), pca, zca, kmeans, rand; fast_ before one of them changes nothing: all are fast',
    )
    add(
        '-z',
        action='store_true',
        help='initialize every layer, not only those whose weights are zero',
    )
    add('-cs', action='store_true', help='equal change rates of all layers')
    add('-q', action='store_true', help='print nothing but errors')
    add(
        '--mem-limit',
        type=whole(1),
        default=500,
        metavar='MB',
        help='samples held at once (default: %(default)s)',
    )
    return parser


def add_published(parser: Parser) -> None:
    """What magic_init.py and measure_stat.py share."""
    add = parser.add_argument
    add('prototxt', metavar='PROTOTXT', help='a net or solver prototxt, or a bundled model')
    add('-l', '--load', metavar='F', default='', help='load a caffemodel, or weights in HDF5')
    add(
        '-d',
        '--data',
        metavar='PATH',
        default='',
        help=f'images of 3 channels, as `goodinit init --data` takes them, minus {IMAGENET_MEAN} (default: the '
        "prototxt's data)",
    )
    add(
        '-s',
        type=real(),
        default=1.0,
        metavar='S',
        help='multiply the images of -d by S (default: %(default)s)',
    )
    add(
        '-bs',
        type=whole(1),
        default=16,
        metavar='N',
        help='the batch size with -d (default: %(default)s)',
    )
    add(
        '-nit',
        type=whole(1),
        default=10,
        metavar='N',
        help='how many batches (default: %(default)s)',
    )
    add_input_shape(parser)
    add_engine(parser)
    add_python_layers(parser)


def published_data(args: argparse.Namespace) -> DataOptions:
    """The data that the published scripts would take."""
    if args.data:
        return DataOptions(
            args.data,
            IMAGENET_MEAN,
            args.s,
            batch_size=args.bs,
            batches=args.nit,
            input_shape=args.input_shape,
        )
    return DataOptions(batches=args.nit, input_shape=args.input_shape)


def magic_init(args: argparse.Namespace) -> None:
    file, out = open_net(args.prototxt), Path(args.out)
    check_output(out, force=True)
    prepared = prepare(file, published_data(args), args.engine, args.load)
    prepared.check_save(out)
    recipes = recipes_of(args, prepared.net)
    if not recipes and not args.q:
        say('no layer has weights of zero, nothing to do: -z initializes them all')
    outcome = initialize_and_report(prepared, recipes, args.q)
    prepared.save(out)
    if not args.q:
        outcome.show(prepared)
        say(f'weights written to {out}')


def recipes_of(args: argparse.Namespace, net: Net) -> list[Recipe]:
    """First the layers that have no weights yet, then the balance between all."""
    names = [
        layer.name
        for layer in net.layers
        if isinstance(layer, Affine) and (args.z or np.abs(layer.weight.data).sum() < 1e-10)
    ]
    kind = args.type.removeprefix('fast_')
    fresh = Recipe(
        'unit_gaussian' if kind == 'elwise' else kind,
        'within',
        beta=args.bias,
        all_layers=True,
        layers=f'^({"|".join(map(re.escape, names))})$',
        memory=args.mem_limit << 20,
    )
    return ([fresh] if names else []) + ([BALANCE] if args.cs else [])


if __name__ == '__main__':
    sys.exit(main())
