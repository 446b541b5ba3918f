#!/usr/bin/env python3
"""Measure every layer of a net on data: outputs, weights, and the rate at which training would
change the weights.

    goodinit stats train_val.prototxt --weights trained.caffemodel
    goodinit stats lenet --data images/ --json

The net and its weights stay as they are.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence

from goodinit.tools.cli.console import Parser, run, say, say_notes

from goodinit.feeding.fed_net import FedNet, feed_net
from goodinit.feeding.filled_net import PHASES
from goodinit.feeding.net_file import read_net_file
from goodinit.initializers.analytic.forecast import add_predictions
from goodinit.initializers.gradient_quotient import gradient_quotient
from goodinit.initializers.loss_gradients import check_loss, constant_inputs
from goodinit.initializers.rows import OPTIONAL
from goodinit.netlib.never_learning import never_learning, never_learning_notes
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
from goodinit.tools.report_page.numbers import of_state
from goodinit.tools.report_page.page import write_report
from goodinit.tools.report_page.pictures import first_filters, pictures_of

EPILOG = f"""the table:

{report.LEGEND}

std cv, rate cv: of the outputs' deviations and of the weights' rates within the layer. dead: the
share of the units that are zero after ReLU for every sample. grad var: of the weights' gradients.
mean/std: the outputs' means over their deviations. predicted: std as computed from the weights and
from the inputs' means and deviations, as if elements were independent (AutoInit). grad quot: how
much a step along the gradient would change the gradient, 0 for not at all (MetaInit)."""
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
    add_report(add_output(parser, 'print only the table'))
    quotient = 'how much a gradient step would change the gradient; takes two more passes'
    switch(parser, '--gradient-quotient', quotient)
    return parser


def stats(args: argparse.Namespace) -> None:
    check_report(args.report)
    file = read_net_file(args.net, PHASES[args.phase])
    fed = feed_net(file, data_options(args), engine_for(args), args.weights)
    fed.notes += [f'{note} ({ZEROS})' for note in never_learning_notes(never_learning(fed.net))]
    if args.gradient_quotient:
        check_loss(fed.net, '--gradient-quotient')
        fed.notes += constant_inputs(fed.data.batches)
    rows = fed.measure(args.dropout, histograms=bool(args.report))
    add_predictions(fed.net, fed.data.batches, rows)
    quotient = math.nan
    if args.gradient_quotient:
        quotient = gradient_quotient(fed.net, fed.data.batches, rows, args.dropout)
    if args.report:
        numbers = of_state(fed, rows, args.weights, args.command)
        write_report(args.report, numbers, pictures_of(fed, first_filters(fed.net, '')))
    if args.json:
        found = as_json(fed, args.weights, rows)
        print(json.dumps({**found, 'gradient_quotient': report.finite(quotient)}, indent=1))
    elif args.quiet:
        print(report.statistics(rows))
    else:
        show(fed, args.weights, rows)
        if args.gradient_quotient:
            say(f'gradient quotient of all weights together: {report.number(quotient)}')
        if args.report:
            say(f'report: {args.report}')


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
    layers = []
    for row in rows:
        optional = {name: report.finite(getattr(row, name)) for name in OPTIONAL}
        about = {'layer': row.layer, 'type': row.type}
        layers.append({**about, **report.measures(row), **optional})
    return {
        **report.about(fed),
        'weights': weights or None,
        'layers': layers,
        'spread': report.finite(report.spread(rows)),
        'notes': report.gathered(fed.notes),
    }


if __name__ == '__main__':
    sys.exit(main())
