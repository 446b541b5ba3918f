"""Run a notebook of Python 2 cell by cell, in a process of its own.

    python tests/helpers/notebook_cells.py NOTEBOOK REPORT < changes.json

2to3 spells each cell as Python 3 does, and IPython runs it with its magics. The changes are

- `small`: pairs of texts, old and new, by which cells that take hours become small
- `mends`: for the number of a cell that fails today, such pairs that mend it; they hold from there
  on, and cells before it that they change run once more

REPORT becomes a list, as JSON, of a pair for each code cell: what stops it as it stands, and what
stops it mended, each in one line, or null.
"""

import json
import os
import re
import sys
import warnings
from pathlib import Path

# A line of IPython's own, with those that it continues on.
ESCAPED = re.compile(r'^([ \t]*)([%!](?:.*\\\n)*.*)$', re.MULTILINE)
STAND_IN = '__escaped_{}__'


def code_cells(path):
    """The sources of a notebook's code cells."""
    import nbformat

    book = nbformat.read(path, as_version=4)
    return [cell.source for cell in book.cells if cell.cell_type == 'code']


def as_python3(source):
    """The source of a cell as 2to3 spells it; lines of IPython's own stay as they are."""
    lines = [match[2] for match in ESCAPED.finditer(source)]
    numbers = iter(range(len(lines)))
    plain = ESCAPED.sub(lambda match: match[1] + STAND_IN.format(next(numbers)), source)
    spelled = str(translator().refactor_string(plain + '\n', 'cell'))
    for number, line in enumerate(lines):
        spelled = spelled.replace(STAND_IN.format(number), line)
    return spelled


def translator():
    """2to3 with all its fixers."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        from lib2to3 import refactor
    return refactor.RefactoringTool(refactor.get_fixers_from_package('lib2to3.fixes'))


def changed(source, changes):
    """The text with each old one of the pairs replaced by the new one."""
    for old, new in changes:
        source = source.replace(old, new)
    return source


def new_shell():
    """IPython's shell without an event loop, which `%matplotlib inline` would start."""
    from IPython.core.interactiveshell import InteractiveShell

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None):
            pass

    return Shell.instance()


def error_of(shell, source):
    """What stops a cell, in one line; None if nothing does."""
    result = shell.run_cell(source)
    error = result.error_before_exec or result.error_in_exec
    return error and f'{type(error).__name__}: {error}'.partition('\n')[0]


def run(notebook, small, mends):
    """For each code cell what stops it as it stands, and mended. Cells run in the notebook's
    folder."""
    cells = [as_python3(changed(cell, small)) for cell in code_cells(notebook)]
    os.chdir(Path(notebook).parent)
    shell = new_shell()
    report = []
    for number, cell in enumerate(cells):
        first = after = error_of(shell, cell)
        if first and str(number) in mends:
            after = mended(shell, cells, number, mends[str(number)])
        report.append((first, after))
    return report


def mended(shell, cells, number, changes):
    """What stops the cell after the changes, which hold for all cells from now on."""
    done = cells[:number]
    cells[:] = [changed(cell, changes) for cell in cells]
    for old, new in zip(done, cells, strict=False):
        if old != new:
            error_of(shell, new)
    return error_of(shell, cells[number])


if __name__ == '__main__':
    path, report = sys.argv[1], Path(sys.argv[2]).absolute()
    changes = json.load(sys.stdin)
    report.write_text(json.dumps(run(path, changes['small'], changes['mends'])))
