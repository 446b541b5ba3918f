#!/usr/bin/env python3
"""Draw the logs of trainings, of `goodinit train`, `goodinit caffe train` or BVLC's `caffe train`,
in one picture.

    goodinit plot_log train.log
    goodinit plot_log xavier=a.log LSUV=b.log --out compared.svg --smooth 10
    goodinit plot_log train.log --y loss --y accuracy --seconds

Its panels, below each other: the loss, up to two outputs that are no losses, such as accuracies,
and the learning rate. Thin lines are of training, marked ones of tests.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from goodinit.tools.cli.console import Parser, run, say

import numpy as np
from goodinit.netlib.errors import DataError, did_you_mean
from goodinit.solvers.log.reader import read_log
from goodinit.tools.cli.values import whole
from goodinit.tools.plots import figures
from goodinit.tools.plots.training_curves import (
    LOSS,
    RATE,
    CurveOptions,
    Run,
    draw_runs,
    output_names,
    rows_of,
    usual_panels,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(plot_log, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit plot_log', __doc__ or '')
    add = parser.add_argument
    add('logs', metavar='LOG', nargs='+', help="a log, or NAME=LOG (default: the file's name)")
    out = 'the picture, .png, .svg or .pdf (default: %(default)s)'
    add('--out', metavar='F', type=figures.picture, default='plot.png', help=out)
    panel = "a panel: 'loss', 'rate', or the name of an output; may be given several times"
    add('--y', metavar='Y', action='append', help=panel)
    smooth = 'of training, draw the mean of the last N values'
    add('--smooth', metavar='N', type=whole(1), default=1, help=smooth)
    seconds = 'plot over the seconds since "Solving" instead of iterations'
    add('--seconds', action='store_true', help=seconds)
    add('--title', metavar='T', default='', help='the title of the picture')
    return parser


def plot_log(args: argparse.Namespace) -> None:
    """Draw the panels, and say where."""
    runs = [Run(name, path, read_log(path)) for name, path in named_logs(args.logs)]
    for each in runs:
        for note in each.log.notes:
            say(f'note: {each.path}: {note}')
    shown = args.y or usual_panels(runs)
    check_panels(shown, runs)
    if args.seconds:
        check_times(runs)
    options = CurveOptions(args.seconds, args.smooth)
    figure = draw_runs(runs, shown, options, args.title)
    figures.save(figure, args.out)
    say(f'wrote {args.out}')


def named_logs(arguments: Iterable[str]) -> list[tuple[str, str]]:
    """(name, path) of each log; files of the same name are named by their paths."""
    given = [split_name(text) for text in arguments]
    stems = [Path(path).stem for name, path in given if not name]
    named: list[tuple[str, str]] = []
    for name, path in given:
        if not name:
            stem = Path(path).stem
            name = stem if stems.count(stem) == 1 else path
        named.append((name, path))
    return named


def split_name(text: str) -> tuple[str, str]:
    """The name, '' for none, and the path of a log given as LOG or NAME=LOG."""
    name, _, path = text.rpartition('=')
    if name and not Path(text).exists():
        return name, path
    return '', text


def check_panels(shown: Iterable[str], runs: Sequence[Run]) -> None:
    """Raises DataError for a panel for which no run has anything."""
    known = list(dict.fromkeys([LOSS, RATE, *output_names(runs)]))
    for name in shown:
        if name not in known:
            paths = ', '.join(each.path for each in runs)
            raise DataError(
                f"found no output '{name}' in {paths}{did_you_mean(name, known)} "
                f'(there are: {", ".join(known)})'
            )


def check_times(runs: Iterable[Run]) -> None:
    """Raises DataError for a run whose log has no times."""
    for each in runs:
        if all(np.isnan(row.seconds) for row in rows_of(each)):
            raise DataError(
                f'{each.path}: found no times; needed for --seconds: a log of `caffe train`'
            )


if __name__ == '__main__':
    sys.exit(main())
