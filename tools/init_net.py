#!/usr/bin/env python3
"""Initialize the weights of a net from data, and report what changed.

    goodinit init lenet
    goodinit init train_val.prototxt --data images/ --method kmeans --out init.caffemodel
    goodinit init solver.prototxt --weights old.caffemodel --layers fc8 --weights-from msra

Every layer is measured before and after, unless nobody would see it (--quiet).
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from goodinit.tools.cli.console import Parser, run, say

from goodinit.feeding.advice import data_advice
from goodinit.feeding.fed_net import FedNet, feed_net
from goodinit.feeding.filled_net import PHASES
from goodinit.feeding.net_file import NetFile, read_net_file
from goodinit.initializers import PRESETS, Recipe
from goodinit.initializers.kinds import Option, all_options, readers
from goodinit.initializers.recipe import BETWEEN, NORMALIZE, RESIDUAL, WEIGHTS_FROM
from goodinit.netlib.errors import import_extra
from goodinit.tools.cli import report
from goodinit.tools.cli.arguments import (
    add_data,
    add_net,
    add_output,
    add_report,
    add_running,
    check_report,
    data_options,
    option,
    switch,
)
from goodinit.tools.cli.gpu import engine_for
from goodinit.tools.cli.initialize_and_report import initialize_and_report
from goodinit.tools.cli.output_file import check_output
from goodinit.tools.cli.values import one_of, pattern, real, size, whole
from goodinit.tools.plots import figures
from goodinit.tools.plots.filters import about_filters, filter_figure, first_convolution
from goodinit.tools.report_page.numbers import of_initialization
from goodinit.tools.report_page.page import write_report
from goodinit.tools.report_page.pictures import first_filters, pictures_of

METHODS = '\n'.join(
    f'  {name:12} {recipe.weights_from}, {recipe.normalize}, {recipe.between}'
    for name, recipe in PRESETS.items()
)
EPILOG = f"""methods, by their parts (--weights-from, --normalize, --between):
{METHODS}

the table:

{report.LEGEND}"""
OUT = (
    'the file to write: a caffemodel, .h5, .onnx, .py (a PyTorch module), .safetensors or .npz '
    '(default: beside NET; in the current directory for a bundled model)'
)
WEIGHTS = (
    'start from a trained caffemodel, .h5, .safetensors or .npz; '
    'its weights are kept and only rescaled, unless --weights-from says otherwise'
)
PARTS = 'A method has three parts; the list below says which.'
DEFAULT = '(default: %(default)s)'


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
    add_report(add_output(parser, 'print nothing but errors'))
    return parser


def add_weights(parser: Parser) -> None:
    group = parser.add_argument_group('weights in and out')
    option(group, '--out F', OUT, default='')
    switch(group, '--force', 'overwrite it')
    option(group, '--weights F', WEIGHTS, default='')
    switch(group, '--dry-run', 'do everything except write')
    filters = "draw the first convolution's new filters to F (.png, .svg or .pdf)"
    option(group, '--filters F', filters, figures.picture)


def add_method(parser: Parser) -> None:
    group = parser.add_argument_group('the method', PARTS)
    add = partial(option, group)
    add('--method M', f'{", ".join(PRESETS)} {DEFAULT}', one_of(PRESETS), 'lsuv')
    add('--weights-from W', ', '.join(WEIGHTS_FROM), one_of(WEIGHTS_FROM))
    add('--normalize N', ', '.join(NORMALIZE), one_of(NORMALIZE))
    between = f'even the change rates of layers, with the same outputs: {", ".join(BETWEEN)}'
    add('--between B', between, one_of(BETWEEN))
    residual = f'where residual branches meet: {", ".join(RESIDUAL)} {DEFAULT}'
    add('--residual R', residual, one_of(RESIDUAL), 'none')
    layers = (
        'only the layers whose names contain a match, '
        'even those that are frozen, bilinear or zero on purpose'
    )
    add('--layers REGEX', layers, pattern, '')
    switch(group, '--zero-last', 'set the weights of the last layers that learn to zero')
    forget = f'the bias of the forget gates of LSTM layers {DEFAULT}'
    option(group, '--forget-bias V', forget, real(), 1.0)
    for name, about in all_options().items():
        add_option(group, name, about)


def add_option(group: argparse._ActionsContainer, name: str, about: Option) -> None:
    """The flag of an option that initializers declare."""
    flag = f'--{name.replace("_", "-")}'
    help = f'{", ".join(readers(name))}: {about.help}'
    if about.type is bool:
        switch(group, flag, help)
    elif about.unit == 'bytes':
        megabytes = about.default // 10**6
        help += f' (default: {megabytes}MB)'
        option(group, f'{flag} SIZE', help, size, about.default)
    elif about.type is int:
        numbers = whole(int(about.least or 0))
        option(group, f'{flag} N', f'{help} {DEFAULT}', numbers, about.default)
    else:
        above = -math.inf if about.above is None else about.above
        option(group, f'{flag} V', f'{help} {DEFAULT}', real(above), about.default)


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The method, with the parts that the options replace; trained weights are kept unless they say
    otherwise."""
    preset = PRESETS[args.method]
    start = 'keep' if args.weights else preset.weights_from
    return Recipe(
        args.weights_from or start,
        args.normalize or preset.normalize,
        args.between or preset.between,
        residual=args.residual,
        layers=args.layers,
        zero_last=args.zero_last,
        forget_bias=args.forget_bias,
        dropout=args.dropout,
        options={name: getattr(args, name) for name in all_options()},
    )


def initialize_net(args: argparse.Namespace) -> None:
    start = time.perf_counter()
    file = read_net_file(args.net, PHASES[args.phase])
    out = output_of(args, file)
    recipe = recipe_of(args)
    measured = args.json or bool(args.report) or not args.quiet
    data = data_options(args, held_out=measured)
    fed = feed_net(file, data, engine_for(args), args.weights)
    check_before(args, fed, out)
    fed.notes += data_advice(fed.net, fed.data, recipe, fed.trained)
    filters = first_filters(fed.net, 'before')
    outcome = initialize_and_report(fed, [recipe], args.quiet, measured, bool(args.report))
    if out:
        fed.save(out)
    if args.filters:
        draw_filters(fed, args.filters, args.quiet)
    if args.report:
        numbers = of_initialization(fed, outcome, recipe, args.command)
        filters += first_filters(fed.net, 'after')
        write_report(args.report, numbers, pictures_of(fed, filters))
    if args.json:
        about = {'method': args.method, 'recipe': recipe.as_dict(), 'out': out and str(out)}
        print(json.dumps({**about, **outcome.as_json(fed)}, indent=1))
    elif not args.quiet:
        parts = f'{recipe.weights_from}, {recipe.normalize}, {recipe.between}'
        say(f'net:  {file.path}; {args.method}: {parts}')
        outcome.show(fed)
        written = f'weights written to {out}' if out else 'nothing was written (--dry-run)'
        say(f'{written}, {time.perf_counter() - start:.1f} s')
        if args.report:
            say(f'{args.report}: the same in words and pictures, for a browser')


def draw_filters(fed: FedNet, path: str, quiet: bool) -> None:
    """Draw the new filters of the first convolution, and say what the picture shows."""
    layer = first_convolution(fed.net)
    figures.save(filter_figure(layer.name, layer.params[0].data), path)
    if not quiet:
        say(f'{path}: {about_filters(layer)}')


def output_of(args: argparse.Namespace, file: NetFile) -> Path | None:
    """The file that the weights go to: --out, else one beside the net, or in the current directory
    for a bundled model; None with --dry-run. Raises GoodinitError if it cannot be written."""
    if args.dry_run:
        return None
    beside = file.path.with_suffix('.caffemodel')
    default = Path(f'{file.model}.caffemodel') if file.bundled else beside
    out = Path(args.out or default)
    check_output(out, args.force)
    return out


def check_before(args: argparse.Namespace, fed: FedNet, out: Path | None) -> None:
    """Raises GoodinitError for results that could not be written, before the work begins."""
    if out:
        fed.check_save(out)
    if args.filters:
        check_output(Path(args.filters), force=True)
        import_extra('matplotlib', 'plot')
        first_convolution(fed.net)
    check_report(args.report)


if __name__ == '__main__':
    sys.exit(main())
