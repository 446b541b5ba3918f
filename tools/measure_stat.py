"""Measure the layers of a net with the command line of magic_init's measure_stat.py (Krähenbühl et
al. 2016).

    tools/measure_stat.py train_val.prototxt -l trained.caffemodel -sm

`goodinit stats` prints the same, and more.
"""

import argparse
import math
import sys
from collections.abc import Sequence

import numpy as np
from goodinit.feeding.net_file import open_net
from goodinit.initializers import Row, walk
from goodinit.initializers.walk import measuring
from goodinit.tools.cli import report
from goodinit.tools.cli.console import Parser, run, say
from goodinit.tools.cli.prepare import Prepared, prepare
from goodinit.tools.magic_init import add_published, published_data


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(measure_stat, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('measure_stat.py', __doc__ or '')
    add_published(parser)
    add = parser.add_argument
    add('-sm', action='store_true', help='the summary only')
    add(
        '-a', '--all', action='store_true', help='the outputs of every layer too, in the last batch'
    )
    add('-q', action='store_true', help='no notes')
    add('-nc', action='store_true', help='no colour, which is how it is')
    return parser


def measure_stat(args: argparse.Namespace) -> None:
    prepared = prepare(open_net(args.prototxt), published_data(args), args.engine, args.load)
    rows = prepared.measure()
    if args.all:
        print(outputs(prepared), end='\n\n')
    if not args.sm:
        print(report.statistics(rows), end='\n\n')
    print(summary(rows))
    if not args.q:
        for note in report.gathered(prepared.notes):
            say(f'note: {note}')


def outputs(prepared: Prepared) -> str:
    """Mean and standard deviation of what each layer gives, and how the latter varies over its
    channels."""
    cells = [['layer', 'type', 'mean', 'std', 'std cv']]
    with measuring(prepared.net):
        for step in walk(prepared.net, prepared.feed.batches):
            step.forward()
            values = step.top[0].data if step.top else np.zeros(())
            if values.ndim > 1:
                stds = values.std(axis=(0, *range(2, values.ndim)), dtype=float)
                cv = stds.std() / stds.mean() if stds.any() else math.nan
                numbers = (float(values.mean()), float(values.std()), cv)
                cells.append([step.layer.name, step.layer.type, *map(report.number, numbers)])
    return report.table(cells, left=(0, 1))


def summary(rows: Sequence[Row]) -> str:
    """The published summary: coefficients of variation of outputs and of change rates, and the mean
    change rate."""
    lines = [
        '  Summary  ',
        '-----------',
        '',
        'layer name                         out cvar    rate cvar    rate mean',
    ]
    lines += [
        f'{row.layer:<30}   {row.output_cv:10.2f}   {row.change_rate_cv:10.2f}   {row.change_rate:10.2f}'
        for row in rows
    ]
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(main())
