"""Commands on the pages of the book: run as a reader would, and shown with what they print."""

import os
import shlex
import subprocess
import sys
import textwrap

WIDTH = 100


def run(command: str, lines: int = 0) -> None:
    """Run `goodinit ...` and print the command and its output: its last `lines`, or all of it."""
    program, *arguments = shlex.split(command)
    if program != 'goodinit':
        raise ValueError(f'{program}: the pages run goodinit alone')
    done = subprocess.run(
        [sys.executable, '-m', 'goodinit', *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, 'COLUMNS': str(WIDTH)},
    )
    printed = []
    for line in done.stdout.rstrip().splitlines():
        printed += wrapped(line)
    print(f'$ {command}')
    if len(printed) > lines > 0:
        print('...')
    print('\n'.join(printed[-lines:]))


def wrapped(line: str) -> list[str]:
    """The line, cut at words if it is long and no row of a table."""
    if len(line) <= WIDTH or '  ' in line.strip():
        return [line]
    return textwrap.wrap(line, WIDTH, subsequent_indent='    ')
