#!/usr/bin/env python3
"""Take the numbers out of the log of a training, of `goodinit train`, `goodinit caffe train` or
BVLC's `caffe train`.

    goodinit caffe train --solver=solver.prototxt 2> train.log
    goodinit parse_log train.log
    goodinit parse_log train.log --json

Writes train.log.train and train.log.test as BVLC's parse_log.py does: a line of names, then a line
for each iteration that was displayed or tested, with NumIters, Seconds (since "Solving"),
LearningRate and the outputs of the train net or the test nets. Where iterations go back, as in a
log of several runs that resume one another, the later lines count.
"""

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from itertools import chain
from math import isnan
from pathlib import Path
from typing import Any

from goodinit.tools.cli.console import Parser, run, say

from goodinit.proto import atomic_write
from goodinit.solvers.log.reader import Log, Row, read_log
from goodinit.tools.cli.report import finite

NAMES = {'train': 'training', 'test': 'tests'}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(parse_log, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit parse_log', __doc__ or '')
    add = parser.add_argument
    log = 'the log; its training may still be running'
    add('logfile_path', metavar='LOG', help=log)
    folder = "the folder to write to (default: the log's)"
    add('output_dir', metavar='OUTDIR', nargs='?', help=folder)
    between = 'the separator of the columns (default: a comma; \\t for a tab)'
    add('--delimiter', metavar='C', type=delimiter, default=',', help=between)
    as_json = 'print everything as JSON instead, with the losses displayed'
    add('--json', action='store_true', help=as_json)
    add('--verbose', action='store_true', help='say what was written')
    return parser


def delimiter(text: str) -> str:
    """One character; a tab may be spelled \\t."""
    text = text.replace('\\t', '\t')
    if len(text) != 1 or text in '\r\n"':
        raise argparse.ArgumentTypeError(f"found '{text}', needed: one character")
    return text


def parse_log(args: argparse.Namespace) -> None:
    """Write or print what the log says."""
    log = read_log(args.logfile_path)
    for note in log.notes:
        say(f'note: {note}')
    if args.json:
        print(json.dumps(log_as_json(log, args.logfile_path), indent=1))
        return
    path = Path(args.logfile_path)
    folder = Path(args.output_dir or path.parent)
    for kind, rows in (('train', log.train), ('test', log.test)):
        out = folder / f'{path.name}.{kind}'
        table = as_table(rows)
        if len(table) == 1:
            say(f'note: {path.name} has no numbers of {NAMES[kind]}: {out} is not written')
            continue
        write_table(table, out, args.delimiter)
        if args.verbose:
            say(f'wrote {out}')


# -- tables


def as_table(rows: Sequence[Row]) -> list[list[Any]]:
    """A list of names, and one for each row that has outputs; in a log without outputs the loss
    stands for them."""
    outputs = {row.iter: row.outputs for row in rows if row.outputs}
    if not outputs:
        outputs = {row.iter: {'loss': row.loss} for row in rows if not isnan(row.loss)}
    all_names = chain.from_iterable(outputs.values())
    names = dict.fromkeys(all_names)
    table: list[list[Any]] = [['NumIters', 'Seconds', 'LearningRate', *names]]
    for row in rows:
        if row.iter in outputs:
            values = map(outputs[row.iter].get, names)
            table.append([row.iter, row.seconds, row.lr, *values])
    return table


def write_table(table: list[list[Any]], path: Path, delimiter: str) -> None:
    with atomic_write(path, 'w') as file:
        csv.writer(file, delimiter=delimiter, lineterminator='\n').writerows(table)


# -- JSON


def log_as_json(log: Log, path: str) -> dict[str, Any]:
    train = [row_as_json(row) for row in log.train]
    test = [row_as_json(row) for row in log.test]
    return {'log': path, 'train': train, 'test': test, 'notes': log.notes}


def row_as_json(row: Row) -> dict[str, Any]:
    return {
        'iteration': row.iter,
        'seconds': finite(row.seconds),
        'lr': finite(row.lr),
        'loss': finite(row.loss),
        'outputs': {name: finite(value) for name, value in row.outputs.items()},
    }


if __name__ == '__main__':
    sys.exit(main())
