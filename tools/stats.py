"""Measure every layer of a net on data: outputs, weights, and the rate at which training would
change the weights.

goodinit stats --proto train_val.prototxt --weights trained.caffemodel
goodinit stats --proto lenet --data images/ --json
"""

import argparse
import json
import sys
from collections.abc import Sequence

from goodinit.feeding.net_file import open_net
from goodinit.tools.cli import report
from goodinit.tools.cli.arguments import add_data, add_net, add_output, add_running, data_options
from goodinit.tools.cli.console import Parser, run, say
from goodinit.tools.cli.prepare import Prepared, prepare

EPILOG = f"""the table:

{report.LEGEND}

std cv, rate cv: of the outputs' deviations and of the weights' rates within the layer. dead: the share of the outputs
that the ReLU after them never passes. grad var: of the weights' gradients. mean/std: the outputs' means over their
deviations."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(stats, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit stats', __doc__ or '', epilog=EPILOG)
    add_net(parser)
    parser.add_argument(
        '--weights',
        metavar='F',
        default='',
        help='a caffemodel or .h5 (default: what the fillers give)',
    )
    add_data(parser)
    add_running(parser)
    add_output(parser, 'print the table alone')
    return parser


def stats(args: argparse.Namespace) -> None:
    prepared = prepare(open_net(args.proto), data_options(args), args.engine, args.weights)
    rows = prepared.measure(args.dropout)
    notes = report.gathered(prepared.notes)
    if args.json:
        print(json.dumps(as_json(prepared, args.weights, rows, notes), indent=1))
        return
    if not args.quiet:
        say(f'net:  {prepared.file.path}, weights {args.weights or "of its fillers"}')
        say(f'data: {prepared.feed}\n')
    print(report.statistics(rows), flush=True)
    if not args.quiet:
        say('')
        for note in notes:
            say(f'note: {note}')
        say(f'greatest change rate over the smallest: {report.number(report.spread(rows))}')


def as_json(
    prepared: Prepared, weights: str, rows: Sequence[report.Row], notes: Sequence[str]
) -> dict:
    """The measures of each layer, and what they were measured on."""
    layers = [{'layer': row.layer, 'type': row.type, **report.measures(row)} for row in rows]
    return {
        **prepared.as_json(),
        'weights': weights or None,
        'layers': layers,
        'spread': report.finite(report.spread(rows)),
        'notes': list(notes),
    }


if __name__ == '__main__':
    sys.exit(main())
