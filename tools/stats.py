#!/usr/bin/env python3
"""Measure every layer of a net on data: outputs, weights, and the rate at which training would
change the weights.

    goodinit stats --proto train_val.prototxt --weights trained.caffemodel
    goodinit stats --proto lenet --data images/ --json

The net and its weights stay as they are.
"""

import argparse
import json
import sys
from collections.abc import Sequence

from goodinit.tools.cli.console import Parser, run, say, say_notes

from goodinit.feeding.fed_net import FedNet, feed_net
from goodinit.feeding.net_file import read_net_file
from goodinit.netlib.never_learning import never_learning, never_learning_notes
from goodinit.tools.cli import report
from goodinit.tools.cli.arguments import (
    add_data,
    add_net,
    add_output,
    add_running,
    data_options,
    option,
)

EPILOG = f"""the table:

{report.LEGEND}

std cv, rate cv: of the outputs' deviations and of the weights' rates within the layer. dead: the
share of the units that are zero after ReLU for every sample. grad var: of the weights' gradients.
mean/std: the outputs' means over their deviations."""

ZEROS = 'goodinit init gives them weights'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(stats, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit stats', __doc__ or '', epilog=EPILOG)
    add_net(parser)
    weights = 'a caffemodel or .h5 (default: what the fillers give)'
    option(parser, '--weights F', weights, default='')
    add_data(parser)
    add_running(parser)
    add_output(parser, 'print only the table')
    return parser


def stats(args: argparse.Namespace) -> None:
    fed = feed_net(read_net_file(args.proto), data_options(args), args.engine, args.weights)
    fed.notes += [f'{note} ({ZEROS})' for note in never_learning_notes(never_learning(fed.net))]
    rows = fed.measure(args.dropout)
    if args.json:
        print(json.dumps(as_json(fed, args.weights, rows), indent=1))
    elif args.quiet:
        print(report.statistics(rows))
    else:
        show(fed, args.weights, rows)


def show(fed: FedNet, weights: str, rows: Sequence[report.Row]) -> None:
    """Print the table on stdout, everything else on stderr."""
    say(f'net:  {fed.file.path}, weights from {weights or "its fillers"}')
    say(f'data: {fed.data}\n')
    print(report.statistics(rows), flush=True)
    say('')
    say_notes(report.gathered(fed.notes))
    say(f'greatest change rate over the smallest: {report.number(report.spread(rows))}')


def as_json(fed: FedNet, weights: str, rows: Sequence[report.Row]) -> dict:
    """The measures of each layer, and what they were measured on."""
    layers = [{'layer': row.layer, 'type': row.type, **report.measures(row)} for row in rows]
    return {
        **report.about(fed),
        'weights': weights or None,
        'layers': layers,
        'spread': report.finite(report.spread(rows)),
        'notes': report.gathered(fed.notes),
    }


if __name__ == '__main__':
    sys.exit(main())
