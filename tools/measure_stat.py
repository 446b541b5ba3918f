#!/usr/bin/env python3
"""Measure the layers of a net with the command line of magic_init's measure_stat.py (Krähenbühl et
al. 2016).

    tools/measure_stat.py train_val.prototxt -l trained.caffemodel -sm

`goodinit stats` prints the same, and more.
"""

import argparse
import math
import sys
from collections.abc import Sequence

from goodinit.tools.cli.console import Parser, run, say_notes

from goodinit.feeding.fed_net import FedNet, feed_net
from goodinit.feeding.net_file import read_net_file
from goodinit.initializers import Row, walk
from goodinit.initializers.walk import Step, measuring
from goodinit.tools.cli import report
from goodinit.tools.cli.arguments import switch
from goodinit.tools.cli.gpu import engine_for
from goodinit.tools.cli.magic_options import add_magic_options, magic_data

SUMMARY = (
    '  Summary  ',
    '-----------',
    '',
    'layer name                         out cvar    rate cvar    rate mean',
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(measure_stat, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('measure_stat.py', __doc__ or '')
    add_magic_options(parser)
    switch(parser, '-sm', 'the summary only')
    switch(parser, '-a/--all', 'the outputs of every layer too, in the last batch')
    switch(parser, '-q', 'no notes')
    switch(parser, '-nc', 'no color; there is none anyway')
    return parser


def measure_stat(args: argparse.Namespace) -> None:
    fed = feed_net(read_net_file(args.prototxt), magic_data(args), engine_for(args), args.load)
    rows = fed.measure()
    if args.all:
        print(outputs(fed), end='\n\n')
    if not args.sm:
        print(report.statistics(rows), end='\n\n')
    print(summary(rows))
    if not args.q:
        say_notes(report.gathered(fed.notes))


def outputs(fed: FedNet) -> str:
    """Mean and standard deviation of what each layer gives, and how the latter varies over its
    channels."""
    cells = [['layer', 'type', 'mean', 'std', 'std cv']]
    with measuring(fed.net):
        for step in walk(fed.net, fed.data.batches):
            step.forward()
            numbers = output_numbers(step)
            if numbers:
                cells.append([step.layer.name, step.layer.type, *map(report.number, numbers)])
    return report.table(cells, left=(0, 1))


def output_numbers(step: Step) -> list[float]:
    """Mean, standard deviation, and its coefficient of variation over the channels of a layer's
    first top; nothing for a layer without channels."""
    if not step.top or step.top[0].axes < 2:
        return []
    values = step.top[0].data
    over_samples = (0, *range(2, values.ndim))
    stds = values.std(axis=over_samples, dtype=float)
    cv = stds.std() / stds.mean() if stds.any() else math.nan
    return [float(values.mean()), float(values.std()), cv]


def summary(rows: Sequence[Row]) -> str:
    """The published summary: coefficients of variation of outputs and of change rates, and the mean
    change rate."""
    lines = list(SUMMARY)
    for row in rows:
        numbers = (row.output_cv, row.change_rate_cv, row.change_rate)
        cells = [f'{number:10.2f}' for number in numbers]
        lines.append('   '.join([f'{row.layer:<30}', *cells]))
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(main())
