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
from math import isnan
from pathlib import Path

from goodinit.proto import atomic_write
from goodinit.solvers.log.reader import Row, read_log
from goodinit.tools.cli.console import Parser, run, say
from goodinit.tools.cli.report import finite


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    parser = Parser('goodinit parse_log', __doc__ or '')
    add = parser.add_argument
    add('logfile_path', metavar='LOG', help='the log, which may be of a training that still runs')
    add(
        'output_dir',
        metavar='OUTDIR',
        nargs='?',
        help="the folder to write to (default: the log's)",
    )
    add(
        '--delimiter',
        metavar='C',
        type=delimiter,
        default=',',
        help='what stands between the columns (default: a comma; \\t for a tab)',
    )
    add(
        '--json',
        action='store_true',
        help='print all of it as JSON instead, with the losses displayed',
    )
    add('--verbose', action='store_true', help='say what was written')
    return run(parse_log, parser, argv)


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
        print(
            json.dumps(
                {
                    'log': args.logfile_path,
                    'train': as_json(log.train),
                    'test': as_json(log.test),
                    'notes': log.notes,
                },
                indent=1,
            )
        )
        return
    path = Path(args.logfile_path)
    for kind, rows in (('train', log.train), ('test', log.test)):
        out = Path(args.output_dir or path.parent, f'{path.name}.{kind}')
        table = as_table(rows)
        if len(table) > 1:
            with atomic_write(out, 'w') as file:
                csv.writer(file, delimiter=args.delimiter, lineterminator='\n').writerows(table)
        if args.verbose:
            say(f'wrote {out}' if len(table) > 1 else f'not written, for want of lines: {out}')


def as_table(rows: Sequence[Row]) -> list[list]:
    """A list of names, and one for each row that has outputs; in a log without outputs the loss
    stands for them."""
    outputs = {row.iter: row.outputs for row in rows if row.outputs} or {
        row.iter: {'loss': row.loss} for row in rows if not isnan(row.loss)
    }
    names = list(dict.fromkeys(name for values in outputs.values() for name in values))
    return [
        ['NumIters', 'Seconds', 'LearningRate', *names],
        *(
            [row.iter, row.seconds, row.lr, *(outputs[row.iter].get(name) for name in names)]
            for row in rows
            if row.iter in outputs
        ),
    ]


def as_json(rows: Sequence[Row]) -> list[dict]:
    return [
        {
            'iteration': row.iter,
            'seconds': finite(row.seconds),
            'lr': finite(row.lr),
            'loss': finite(row.loss),
            'outputs': {name: finite(value) for name, value in row.outputs.items()},
        }
        for row in rows
    ]


if __name__ == '__main__':
    sys.exit(main())
