"""Pages on classification of VOC: measured beside printed, by steps, by crops and measures."""

from pathlib import Path
from typing import Any

import numpy as np
from goodinit.experiments.runner import Found, Protocol, Results
from goodinit.experiments.runner.comparison import Table, agreement, markdown, side_by_side

WAYS = {'center': 'one central crop', 'ten_random': '10 random crops', 'ten': "AlexNet's 10 crops"}
NEAR = 0.1  # magnitudes within a tenth agree
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
"""


def page(
    title: str,
    results: Results,
    protocol: Protocol,
    measured: Table,
    printed: Table,
) -> str:
    """The page of a table of cells."""
    return PAGE.format(
        title=title,
        steps=protocol['steps'],
        batch_size=protocol['batch_size'],
        table=side_by_side(measured, printed, shown),
        agreement=agreement(measured, printed, NEAR),
        order=best_first(measured),
        ways=in_all_ways(results),
        curves=curves(results),
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
    """Mean average precision over steps, a panel for each optimizer."""
    from goodinit.tools.plots import figures
    from matplotlib.figure import Figure

    optimizers = list(dict.fromkeys(cell['optimizer'] for cell in results))
    columns = min(len(optimizers), 2)
    rows = -(-len(optimizers) // columns)
    figure = Figure(figsize=(5 * columns, 4 * rows), dpi=figures.DPI, layout='constrained')
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for panel in panels[len(optimizers) :]:
        panel.set_visible(False)
    for panel, optimizer in zip(panels, optimizers, strict=False):
        of_panel = {
            cell: found for cell, found in results.items() if cell['optimizer'] == optimizer
        }
        draw_panel(panel, of_panel)
        panel.set(title=optimizer, xlabel='steps', ylabel='mean average precision (%)')
    figures.save(figure, path)


def draw_panel(panel: Any, results: Results) -> None:
    """A line for each cell."""
    from goodinit.tools.plots import figures

    for i, (cell, found) in enumerate(results.items()):
        steps = [row[0] for row in found['curve']]
        values = [100 * row[2] for row in found['curve']]
        label = f'{cell["weights"]}, {cell["scaling"]}'
        panel.plot(steps, values, **figures.look(i), label=label)
    panel.legend(frameon=False, fontsize='small', title='weights, scaling')
