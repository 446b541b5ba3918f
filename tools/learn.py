#!/usr/bin/env python3
"""The exercises of the book: list them, start one, check a solution.

    goodinit learn
    goodinit learn start 5.1
    goodinit learn check 5.1 exercise_5_1.py

`start` writes a file with the task in it. `check` runs the file's function on recorded cases, in a
process of its own, and says what differs and why. docs/learn/ has the pages that lead there.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from goodinit.tools.cli.console import Parser, UsageError, run

from goodinit.learn.catalog import next_number
from goodinit.learn.trial import SECONDS
from goodinit.proto.files import atomic_write
from goodinit.tools.cli.output_file import check_output
from goodinit.tools.cli.report import table
from goodinit.tools.cli.values import one_of, real

from goodinit import learn

ACTIONS = ('list', 'start', 'check')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(work, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit learn', __doc__ or '')
    add = parser.add_argument
    what = 'list (default), start or check'
    add('action', metavar='ACTION', nargs='?', type=one_of(ACTIONS), default='list', help=what)
    add('number', metavar='N', nargs='?', help='the number of an exercise, such as 5.1')
    add('file', metavar='FILE', nargs='?', type=Path, help='check: your solution')
    add('--out', metavar='FILE', type=Path, help='start: the file to write (exercise_N.py)')
    add('--force', action='store_true', help='start: replace the file if it exists')
    seconds = 'check: how long the solution may run (default: %(default)g)'
    add('--seconds', metavar='S', type=real(above=0), default=SECONDS, help=seconds)
    return parser


def work(args: argparse.Namespace) -> int:
    if args.action == 'list':
        return list_exercises()
    if args.number is None:
        raise UsageError(f'{args.action}: which exercise? (`goodinit learn` lists them)')
    exercise = learn.find_exercise(args.number)
    if args.action == 'start':
        return start(exercise, args)
    if args.file is None:
        raise UsageError('check: which file? Give the path of your solution')
    return check_exercise(exercise, args)


def list_exercises() -> int:
    page = ''
    rows = []
    for number, exercise in learn.EXERCISES.items():
        title = learn.page_of(number)
        rows.append([number, exercise.title, '' if title == page else title])
        page = title
    print(table([['', 'exercise', 'page of the book'], *rows], left=(0, 1, 2)))
    return 0


def start(exercise: learn.Exercise, args: argparse.Namespace) -> int:
    out = args.out or Path(f'exercise_{exercise.number.replace(".", "_")}.py')
    check_output(out, args.force)
    with atomic_write(out, 'w') as file:
        file.write(exercise.text)
    print(f'{out}: fill it in, then: goodinit learn check {exercise.number} {out}')
    return 0


def check_exercise(exercise: learn.Exercise, args: argparse.Namespace) -> int:
    verdict = learn.try_solution(exercise, args.file, args.seconds)
    if not verdict.right:
        print(f'exercise {exercise.number}, {exercise.title}: not yet')
        for line in verdict.lines:
            print(f'  {line}')
        return 1
    following = next_number(exercise.number)
    then = f' Next: goodinit learn start {following}' if following else ' That was the last one.'
    print(
        f'exercise {exercise.number}, {exercise.title}: right, in all {verdict.cases} cases.{then}'
    )
    return 0


if __name__ == '__main__':
    sys.exit(main())
