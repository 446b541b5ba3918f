#!/usr/bin/env python3
"""Reproduce tables and figures of the papers behind the initializers.

    goodinit reproduce
    goodinit reproduce luther2019/figure1
    goodinit reproduce mishkin2016/table3 --data DATA --reduced --jobs 2
    goodinit reproduce mishkin2016/table3 --data DATA --reduced --cells '^relu'

Without a name, all are listed with what is done and what the rest costs. A table is made of cells,
such as a net, an initialization and a seed. A finished cell is kept; the same command goes on with
the others, in the middle of a training if it was killed there. At the end the page is printed, with
measured figures beside printed ones.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from goodinit.tools.cli.console import Parser, UsageError, run, say

from goodinit.experiments.runner import Cell, ExperimentError
from goodinit.experiments.runner.catalog import names, open_experiment, papers, title_of
from goodinit.experiments.runner.cells import Task, Watcher, run_cells
from goodinit.experiments.runner.outcome import write_outcome
from goodinit.tools.cli.arguments import add_engine, option, switch
from goodinit.tools.cli.gpu import engine_for, on_gpu
from goodinit.tools.cli.report import table
from goodinit.tools.cli.values import pattern, whole

BAR = '{percentage:3.0f}%|{bar}| {n:.1f}/{total} cells [{elapsed}<{remaining}{postfix}]'
REDUCED = 'fewer steps, nets or samples, as the page says; the full protocol is for a GPU or days'
DATA = 'the folder of the data sets: CIFAR-10 in DATA/cifar10, ... (default: %(default)s)'
OUT = 'the folder for cells, pages and pictures (default: %(default)s)'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(reproduce, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit reproduce', __doc__ or '')
    name = 'a table or figure: mishkin2016/table3; without it, a list of all'
    parser.add_argument('name', metavar='NAME', nargs='?', default='', help=name)
    add = partial(option, parser)
    add('--data DATA', DATA, Path, Path('data'))
    switch(parser, '--reduced', REDUCED)
    add('--cells REGEX', 'only cells whose names match', pattern, '')
    jobs = 'cells at a time, which share the processors (default: %(default)s)'
    add('--jobs N', jobs, whole(1), 1)
    add('--out OUT', OUT, Path, Path('reproduced'))
    add_engine(parser)
    return parser


def reproduce(args: argparse.Namespace) -> None:
    """List all experiments, or run one."""
    if on_gpu(args.engine) and args.jobs > 1:
        raise UsageError('--jobs: found more than one with --gpu, where one process computes')
    if args.name:
        run_experiment(args)
    else:
        print(listing(args.out))


# -- the list


def listing(out: Path) -> str:
    """All experiments by paper, with what is done and what each costs."""
    parts = []
    for paper in papers():
        rows = [['', 'done', 'cost', 'reduced: done', 'cost', '']]
        for name in names():
            if name.startswith(f'{paper}/'):
                rows.append(row(name, out))
        if len(rows) > 1:
            parts.append(f'{title_of(paper)}\n{table(rows, left=(0, 2, 4, 5))}')
    return '\n\n'.join(parts)


def row(name: str, out: Path) -> list[str]:
    experiment = open_experiment(name)
    cells = [name]
    for reduced in (False, True):
        if reduced and experiment.reduced is None:
            cells += ['', '']
        else:
            task = Task(name, experiment, reduced, Path(), out)
            cells += [done(task), task.protocol.cost]
    return [*cells, experiment.title]


def done(task: Task) -> str:
    """'3/40': the finished cells, and all."""
    cells = task.protocol.cells
    finished = sum(task.store.is_finished(cell) for cell in cells)
    return f'{finished}/{len(cells)}'


# -- one experiment


def run_experiment(args: argparse.Namespace) -> None:
    """Run the cells that are left, then write and print the page."""
    experiment = open_experiment(args.name)
    if args.reduced and experiment.reduced is None:
        say(f'note: {args.name} has one protocol, which is cheap: --reduced changes nothing')
    task = Task(args.name, experiment, args.reduced, args.data, args.out, engine_for(args))
    chosen = choose_cells(task, args.cells)
    left = [cell for cell in chosen if not task.store.is_finished(cell)]
    task.store.results()  # those of other settings are refused before any work
    if left:
        task.check_data()
        with Shown(task, len(chosen), len(chosen) - len(left)) as shown:
            run_cells(task, left, args.jobs, shown)
    page, lines = write_outcome(task)
    print(page)
    for line in lines:
        say(line)


def choose_cells(task: Task, regex: str) -> list[Cell]:
    """The cells whose names match. Raises ExperimentError if there are none."""
    cells = task.protocol.cells
    chosen = [cell for cell in cells if re.search(regex, cell.name)]
    if not chosen:
        known = ', '.join(cell.name for cell in cells[:6])
        raise ExperimentError(f"--cells: '{regex}' matches no cell of {task.name} ({known}, ...)")
    return chosen


class Shown(Watcher):
    """A line for each finished cell and, on a terminal, a bar with the time that is left."""

    def __init__(self, task: Task, total: int, finished: int):
        from tqdm import tqdm

        self.shares: dict[Cell, float] = {}
        self.bar = tqdm(
            desc=task.name,
            total=total,
            initial=finished,
            leave=False,
            file=sys.stderr,
            bar_format='{desc}: ' + BAR,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> 'Shown':
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def advance(self, cell: Cell, share: float) -> None:
        """Move the bar by what has been done since the last call."""
        self.bar.set_postfix_str(cell.name, refresh=False)
        self.bar.update(share - self.shares.get(cell, 0.0))
        self.shares[cell] = share

    def end(self, cell: Cell, seconds: float) -> None:
        """Say that a cell is finished."""
        self.advance(cell, 1.0)
        self.bar.write(f'{cell.name}: {seconds:.1f} s', file=sys.stderr)


if __name__ == '__main__':
    sys.exit(main())
