"""Draw the logs of trainings, of `goodinit train`, `goodinit caffe train` or BVLC's `caffe train`,
in one picture.

    goodinit plot_log train.log
    goodinit plot_log xavier=a.log LSUV=b.log --out compared.svg --smooth 10
    goodinit plot_log train.log --y loss --y accuracy --seconds

One panel below the other: the loss, up to two outputs that are no losses, such as accuracies, and
the learning rate. Thin lines are of training, marked ones of tests.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from goodinit.netlib.errors import DataError, did_you_mean
from goodinit.solvers.log.reader import Log, Row, read_log
from goodinit.tools.cli.arguments import whole
from goodinit.tools.cli.console import Parser, run, say
from goodinit.tools.plots import figures

RATE, LOSS = 'rate', 'loss'
LABELS = {RATE: 'learning rate'}
TRAIN: dict = {'linewidth': 0.9, 'alpha': 0.8}
TEST: dict = {'linewidth': 1.8, 'marker': 'o', 'markersize': 4}
DASHES = ('-', '--', ':', '-.')  # of the first seven runs, of the next seven, ...


@dataclass
class Run:
    name: str
    path: str
    log: Log


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    parser = Parser('goodinit plot_log', __doc__ or '')
    add = parser.add_argument
    add('logs', metavar='LOG', nargs='+', help="a log, or NAME=LOG (default: the file's name)")
    add(
        '--out',
        metavar='F',
        type=figures.picture,
        default='plot.png',
        help='the picture, .png, .svg or .pdf (default: %(default)s)',
    )
    add(
        '--y',
        metavar='Y',
        action='append',
        help="a panel: 'loss', 'rate', or the name of an output; may be given several times",
    )
    add(
        '--smooth',
        metavar='N',
        type=whole(1),
        default=1,
        help='draw of training the mean of the last N values',
    )
    add(
        '--seconds',
        action='store_true',
        help='over the seconds since "Solving" instead of the iterations',
    )
    add('--title', metavar='T', default='', help='what to write above')
    return run(plot_log, parser, argv)


def plot_log(args: argparse.Namespace) -> None:
    """Draw the panels, and say where."""
    runs = [Run(name, path, read_log(path)) for name, path in named(args.logs)]
    for each in runs:
        for note in each.log.notes:
            say(f'note: {each.path}: {note}')
    shown = args.y or usual(runs)
    check(shown, runs)
    if args.seconds:
        for each in runs:
            if all(np.isnan(row.seconds) for row in rows_of(each)):
                raise DataError(
                    f'{each.path}: found no times; needed for --seconds: a log of `caffe train`'
                )
    draw(runs, shown, args)
    say(f'wrote {args.out}')


def named(arguments: Iterable[str]) -> list[tuple[str, str]]:
    """(name, path) of each log; files of the same name are named by their paths."""
    found = []
    for text in arguments:
        name, _, path = text.rpartition('=')
        found.append((name, path) if name and not Path(text).exists() else ('', text))
    stems = [Path(path).stem for name, path in found if not name]
    return [
        (name or (path if stems.count(Path(path).stem) > 1 else Path(path).stem), path)
        for name, path in found
    ]


def rows_of(run: Run) -> list[Row]:
    return run.log.train + run.log.test


def usual(runs: Sequence[Run]) -> list[str]:
    """The loss, the last two outputs that are no losses (those of a net's last classifier), the
    rate."""
    losses = {LOSS}.union(*(each.log.losses for each in runs))
    return [LOSS, *[name for name in outputs(runs) if name not in losses][-2:], RATE]


def outputs(runs: Iterable[Run]) -> list[str]:
    return list(
        dict.fromkeys(name for each in runs for row in rows_of(each) for name in row.outputs)
    )


def check(shown: Iterable[str], runs: Sequence[Run]) -> None:
    """Raises DataError for a panel that none of the runs has anything for."""
    there = list(dict.fromkeys([LOSS, RATE, *outputs(runs)]))
    for name in shown:
        if name not in there:
            raise DataError(
                f"found no output '{name}' in {', '.join(each.path for each in runs)}{did_you_mean(name, there)} "
                f'(there are: {", ".join(there)})'
            )


def draw(runs: Sequence[Run], shown: Sequence[str], args: argparse.Namespace) -> None:
    """The picture of the panels `shown`, with one legend for all."""
    heights = [1.4 if name == RATE else 2.5 for name in shown]
    figure, axes = figures.panels(heights, 'seconds' if args.seconds else 'iteration')
    for panel, name in zip(axes, shown, strict=True):
        panel.set_ylabel(LABELS.get(name, name))
        for i, each in enumerate(runs):
            if name == RATE:
                draw_rate(panel, each.log, args.seconds, look(i), rate_width(i, len(runs)))
            else:
                draw_output(panel, each.log, name, args, look(i))
        if name == RATE:
            figures.logarithmic(panel)
    several = len(runs) > 1
    handles = [
        axes[0].plot([], [], **look(i), label=each.name)[0]
        for i, each in enumerate(runs)
        if several
    ]
    for label, style, there in (
        ('training', TRAIN, True),
        ('test', TEST, any(each.log.test for each in runs)),
    ):
        if there:
            handles += axes[0].plot(
                [], [], color='0.4' if several else figures.COLOURS[0], label=label, **style
            )
    figures.legend_above(figure, handles, args.title or ('' if several else runs[0].name))
    figures.save(figure, args.out)


def look(i: int) -> dict:
    """The colour and the dashes of run i."""
    return {
        'color': figures.COLOURS[i % len(figures.COLOURS)],
        'linestyle': DASHES[i // len(figures.COLOURS) % 4],
    }


def rate_width(i: int, count: int) -> float:
    """Rates are often the same: each run's line is wider than the next one's, which is drawn over
    it."""
    return min(3.2, 12 / count) * (count - i - 0.5)


def draw_rate(panel, log: Log, seconds: bool, style: dict, width: float) -> None:
    rows = sorted(log.train + log.test, key=lambda row: row.iter)
    panel.plot(*curve(rows, RATE, seconds), **style, linewidth=width, drawstyle='steps-post')


def draw_output(panel, log: Log, name: str, args: argparse.Namespace, style: dict) -> None:
    x, y = curve(log.train, name, args.seconds)
    panel.plot(x, smoothed(y, args.smooth), **style, **TRAIN)
    panel.plot(*curve(log.test, name, args.seconds), **style, **TEST)


def curve(rows: Sequence[Row], name: str, seconds: bool) -> tuple[list[float], list[float]]:
    """Where the rows stand, and what they have of an output; rows that lack it are left out."""
    points = [
        (row.seconds if seconds else row.iter, y)
        for row in rows
        if (y := value(row, name)) is not None
    ]
    return [x for x, _ in points], [y for _, y in points]


def value(row: Row, name: str) -> float | None:
    if name == RATE:
        return row.lr or np.nan  # its axis is logarithmic
    if name == LOSS and not np.isnan(row.loss):
        return row.loss
    return row.outputs.get(name)


def smoothed(y: Sequence[float], count: int) -> list[float]:
    """Of each value the mean with those before it, `count` together; at the start of as many as
    there are."""
    return [float(np.mean(y[max(i - count + 1, 0) : i + 1])) for i in range(len(y))]


if __name__ == '__main__':
    sys.exit(main())
