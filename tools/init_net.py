"""Initialize the weights of a net from data, and say what came of it.

goodinit init --proto lenet
goodinit init --proto train_val.prototxt --data images/ --method kmeans --out init.caffemodel
goodinit init --proto solver.prototxt --weights old.caffemodel --layers fc8 --weights-from msra
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from goodinit.feeding.net_file import NetFile, open_net
from goodinit.initializers import PRESETS, Recipe
from goodinit.initializers.recipe import BETWEEN, NORMALIZE, WEIGHTS_FROM
from goodinit.tools.cli import report
from goodinit.tools.cli.arguments import (
    add_data,
    add_net,
    add_output,
    add_running,
    data_options,
    one_of,
    pattern,
    real,
    size,
    whole,
)
from goodinit.tools.cli.console import Parser, run, say
from goodinit.tools.cli.initialize_and_report import check_output, initialize_and_report
from goodinit.tools.cli.prepare import prepare
from goodinit.tools.plots.filters import first_convolution, save_filters

METHODS = '\n'.join(
    f'  {name:12} {recipe.weights_from}, {recipe.normalize}, {recipe.between}'
    for name, recipe in PRESETS.items()
)
EPILOG = f"""methods, by their parts (--weights-from, --normalize, --between):
{METHODS}

the table:

{report.LEGEND}"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(initialize_net, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit init', __doc__ or '', epilog=EPILOG)
    add_net(parser)
    add_weights(parser)
    add_method(parser)
    add_data(parser)
    add_running(parser)
    add_output(parser, 'print nothing but errors')
    return parser


def add_weights(parser: Parser) -> None:
    add = parser.add_argument_group('weights in and out').add_argument
    add(
        '--out',
        metavar='F',
        default='',
        help='the caffemodel to write, or as .h5 HDF5 (default: beside P; in the current directory for a bundled '
        'model)',
    )
    add('--force', action='store_true', help='overwrite it')
    add(
        '--weights',
        metavar='F',
        default='',
        help='start from a trained caffemodel or .h5; its weights are kept and only rescaled, unless --weights-from '
        'says otherwise',
    )
    add('--dry-run', action='store_true', help='do everything but write')
    add(
        '--filters',
        metavar='F.png',
        default='',
        help="a picture of the first convolution's new filters",
    )


def add_method(parser: Parser) -> None:
    group = parser.add_argument_group(
        'the method', 'A method is made of three parts; the list below has them.'
    )
    add = group.add_argument
    add(
        '--method',
        metavar='M',
        type=one_of(PRESETS),
        default='lsuv',
        help=f'{", ".join(PRESETS)} (default: %(default)s)',
    )
    add('--weights-from', metavar='W', type=one_of(WEIGHTS_FROM), help=', '.join(WEIGHTS_FROM))
    add('--normalize', metavar='N', type=one_of(NORMALIZE), help=', '.join(NORMALIZE))
    add(
        '--between',
        metavar='B',
        type=one_of(BETWEEN),
        help=f'equal change rates of all layers: {", ".join(BETWEEN)}',
    )
    add(
        '--layers',
        metavar='REGEX',
        type=pattern,
        default='',
        help='only layers whose name it matches somewhere',
    )
    add(
        '--all-layers',
        action='store_true',
        help='pca, zca, kmeans, rand: not only for convolutions',
    )
    add('--zero-last', action='store_true', help='the weights of the last layers become zero')
    add(
        '--strict',
        action='store_true',
        help='--between exact: nothing across layers that are homogeneous only nearly, such as LRN',
    )
    recipe = Recipe()
    add(
        '--target',
        metavar='V',
        type=real(above=0),
        default=recipe.target,
        help='lsuv: the variance (default: %(default)s)',
    )
    add(
        '--margin',
        metavar='V',
        type=real(above=0),
        default=recipe.margin,
        help='lsuv: how near the variance must come to it (default: %(default)s)',
    )
    add(
        '--max-trials',
        metavar='N',
        type=whole(1),
        default=recipe.max_trials,
        help='lsuv: (default: %(default)s)',
    )
    add(
        '--beta',
        metavar='V',
        type=real(),
        default=recipe.beta,
        help='within: the mean of every output (default: %(default)s)',
    )
    add(
        '--memory',
        metavar='SIZE',
        type=size,
        default=recipe.memory,
        help='pca, zca, kmeans, rand: samples to hold at once (default: 500MB)',
    )


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The method with what the options say of its parts; trained weights are kept unless they say
    otherwise."""
    recipe = PRESETS[args.method]
    return replace(
        recipe,
        weights_from=args.weights_from or ('keep' if args.weights else recipe.weights_from),
        normalize=args.normalize or recipe.normalize,
        between=args.between or recipe.between,
        target=args.target,
        margin=args.margin,
        max_trials=args.max_trials,
        beta=args.beta,
        layers=args.layers,
        all_layers=args.all_layers,
        zero_last=args.zero_last,
        dropout=args.dropout,
        strict=args.strict,
        memory=args.memory,
    )


def initialize_net(args: argparse.Namespace) -> None:
    start = time.perf_counter()
    file = open_net(args.proto)
    out = None if args.dry_run else output_file(file, args.out)
    if out:
        check_output(out, args.force)
    recipe = recipe_of(args)
    prepared = prepare(file, data_options(args), args.engine, args.weights)
    if out:
        prepared.check_save(out)
    if args.filters:
        check_output(Path(args.filters), force=True)
        first_convolution(prepared.net)
    outcome = initialize_and_report(
        prepared, [recipe], args.quiet, measured=args.json or not args.quiet
    )
    if out:
        prepared.save(out)
    if args.filters:
        save_filters(prepared.net, args.filters)
    if args.json:
        about = {'method': args.method, 'recipe': recipe.as_dict(), 'out': str(out) if out else None}
        print(json.dumps({**about, **outcome.as_json(prepared)}, indent=1))
    elif not args.quiet:
        say(
            f'net:  {file.path}; {args.method}: {recipe.weights_from}, {recipe.normalize}, {recipe.between}'
        )
        outcome.show(prepared)
        seconds = time.perf_counter() - start
        say(
            f'{f"weights written to {out}" if out else "nothing is written (--dry-run)"}, {seconds:.1f} s'
        )


def output_file(file: NetFile, name: str) -> Path:
    """Where the weights go: --out, or beside the net; for a bundled model into the current
    directory."""
    if name:
        return Path(name)
    return (
        Path(f'{file.model}.caffemodel') if file.bundled else file.path.with_suffix('.caffemodel')
    )


if __name__ == '__main__':
    sys.exit(main())
