"""Pages on classification of VOC: measured beside printed, by steps, by crops and measures."""

from pathlib import Path
from typing import Any

import numpy as np
from goodinit.experiments.runner import Found, Protocol, Results
from goodinit.experiments.runner.comparison import Table, agreement, markdown, side_by_side

WAYS = {'center': 'one central crop', 'ten_random': '10 random crops', 'ten': "AlexNet's 10 crops"}
NEAR = 0.1  # magnitudes within a tenth agree
FULL_STEPS = 80_000
PAGE = """# {title}

CaffeNet on VOC 2007, {steps} steps of {batch_size} images. Mean average precision in percent: mean
of 10 random crops, VOC 2007's 11-point measure. Measured (printed, after 80,000 steps):

{table}

{agreement}

Best first: {order}.

The same by other crops (11-point), and by other measures (10 random crops):

{ways}

By steps, on one central crop:

{curves}

![mean average precision by steps]({picture})
"""


def page(
    title: str,
    results: Results,
    protocol: Protocol,
    measured: Table,
    printed: Table,
    picture: str,
) -> str:
    """picture: the name of its file, without `_reduced` and .png."""
    reduced = '_reduced' if protocol['steps'] < FULL_STEPS else ''
    return PAGE.format(
        title=title,
        steps=protocol['steps'],
        batch_size=protocol['batch_size'],
        table=side_by_side(measured, printed, shown),
        agreement=agreement(measured, printed, NEAR),
        order=best_first(measured),
        ways=in_all_ways(results),
        curves=curves(results),
        picture=f'{picture}{reduced}.png',
    )


def by_optimizer_and_weights(results: Results) -> Table:
    """Percent, by scaling; a column for each optimizer and kind of weights."""
    table: dict[str, dict] = {}
    for cell, found in results.items():
        column = f'{cell["optimizer"]}, {cell["weights"]}'
        table.setdefault(column, {})[cell['scaling']] = percent(found)
    return table


def percent(found: Found, way: str = 'ten_random', measure: str = 'eleven_point') -> float | None:
    """The mean average precision in percent; None if training diverged."""
    if found['diverged']:
        return None
    values: Any = found['average_precision'][way][measure]
    numbers = [value for value in values if value is not None]
    return 100 * float(np.mean(numbers))


def in_all_ways(results: Results) -> str:
    """A table: the cells by way to crop, and by measure."""
    rows = []
    for cell, found in results.items():
        cells = [shown(percent(found, way)) for way in WAYS]
        cells += [shown(percent(found, measure=name)) for name in ('area', 'step')]
        rows.append([cell.name, *cells])
    return markdown(['cell', *WAYS.values(), 'VOC 2010', 'scikit-learn'], rows)


def curves(results: Results) -> str:
    """A table: mean average precision in percent by steps, on one central crop."""
    steps = sorted({row[0] for found in results.values() for row in found['curve']})
    rows = []
    for cell, found in results.items():
        reached = {row[0]: row[2] for row in found['curve']}
        cells = [shown(100 * reached[step]) if step in reached else '–' for step in steps]
        rows.append([cell.name, *cells])
    return markdown(['cell', *map(str, steps)], rows)


def shown(value: float | None) -> str:
    return 'n/c' if value is None else f'{value:.1f}'


def best_first(table: Table) -> str:
    """'k-means 28.1, Gaussian 20.0', of all columns together."""
    figures = {}
    for column, column_figures in table.items():
        for name, value in column_figures.items():
            figures[f'{column} {name}'] = -1.0 if value is None else value
    order = sorted(figures, key=lambda name: -figures[name])
    return ', '.join(f'{name} {shown(figures[name])}' for name in order)


def draw_curves(results: Results, path: Path) -> None:
    """Mean average precision over steps, a line a cell."""
    from goodinit.tools.plots import figures
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), dpi=figures.DPI, layout='constrained')
    panel: Any = figure.subplots()
    for i, (cell, found) in enumerate(results.items()):
        steps = [row[0] for row in found['curve']]
        values = [100 * row[2] for row in found['curve']]
        panel.plot(steps, values, **figures.look(i), label=cell.name)
    panel.set(xlabel='steps', ylabel='mean average precision (%)')
    panel.legend(frameon=False, fontsize='small')
    figures.save(figure, path)
