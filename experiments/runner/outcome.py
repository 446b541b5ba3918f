"""What came of an experiment: its page, its numbers and its picture, written side by side."""

from __future__ import annotations

import json
from importlib.util import find_spec

from goodinit.proto import atomic_write

from .cells import Task
from .description import Cell, Results
from .store import plain


def write_outcome(task: Task) -> tuple[str, list[str]]:
    """Write .md, .json and, if matplotlib is installed, .png of the finished cells; returns the
    page, and a line about each file."""
    experiment, store = task.experiment, task.store
    results = store.results()
    page = page_text(task, results)
    with atomic_write(store.file('.md'), 'w') as file:
        file.write(page)
    with atomic_write(store.file('.json'), 'w') as file:
        json.dump(plain(numbers(task, results)), file)
        file.write('\n')
    lines = [f'wrote {store.file(".md")} and .json']
    if experiment.draw is not None:
        if find_spec('matplotlib') is None:
            lines.append(
                f'no picture {store.file(".png")}: this needs matplotlib: '
                "pip install 'goodinit[plot]'"
            )
        else:
            experiment.draw(results, store.file('.png'))
            lines.append(f'wrote {store.file(".png")}')
    return page, lines


FOOTER = """
{picture}{finished} of {cells} cells are finished. The command:

    {command}
"""


def page_text(task: Task, results: Results) -> str:
    """The experiment's report of finished cells, its picture, and the command."""
    experiment = task.experiment
    name = task.store.file('.png').name
    command = f'goodinit reproduce {task.name}'
    if experiment.reduced is not None and task.reduced:
        command += ' --reduced'
    if experiment.needs or experiment.finds:
        command += ' --data DATA'
    footer = FOOTER.format(
        picture=f'![{experiment.title}]({name})\n\n' if experiment.draw else '',
        finished=len(results),
        cells=len(task.protocol.cells),
        command=command,
    )
    return experiment.report(results, task.protocol).rstrip('\n') + '\n' + footer


def numbers(task: Task, results: Results) -> dict:
    """The finished cells, for programs."""
    seconds = task.store.seconds()
    cells = {cell.name: entry(cell, results, seconds) for cell in results}
    return {'experiment': task.name, 'numbers': dict(task.protocol.numbers), 'cells': cells}


def entry(cell: Cell, results: Results, seconds: dict[str, float]) -> dict:
    return {'settings': cell.settings, 'seconds': seconds[cell.name], 'found': results[cell]}
