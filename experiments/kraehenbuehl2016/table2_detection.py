"""Table 2, detection: Fast R-CNN on CaffeNet by six initializations: mean average precision on VOC
2007.

Claimed: k-means with both scalings is ahead of Gaussians with both, those are ahead of carefully
chosen ones and of Xavier's weights, and MSRA's are last. Reduced: k-means, Gaussian and Xavier,
2,000 of 150,000 steps of one rate, of 600 photographs whose short side has 256 pixels; initialized
from 16 photographs; tested on 300 regions of each of 100 photographs. A cell took 12 to 61 minutes
on a core.
"""

from pathlib import Path

from goodinit.experiments.runner import Experiment, Protocol, Results, grid
from goodinit.experiments.runner.comparison import Table, agreement, markdown, side_by_side
from goodinit.experiments.voc_classification import SMOOTH, VOC2007
from goodinit.experiments.voc_detection import (
    INITIALIZATIONS,
    mean_precision,
    measure,
)

PRINTED: Table = {
    'detection': {
        'xavier': 40.4,
        'msra': 37.2,
        'filler': 41.3,
        'gaussian': 43.4,
        'pca': 43.1,
        'kmeans': 45.6,
    }
}
PAGE = """# Krähenbühl et al. 2016, Table 2: initializations, detection

Fast R-CNN on CaffeNet, VOC 2007, {steps} steps of 2 x 64 regions; {photographs} training
photographs, {test_photographs} test photographs. 11-point mean average precision in percent,
measured (printed, after 150,000 steps, the best of three rates):

{table}

{agreement}

By steps: the mean loss of the last 50 steps, and the mean average precision in percent.

{curves}
"""
NEAR = 0.1  # magnitudes within a tenth agree


def report(results: Results, protocol: Protocol) -> str:
    measured: dict[str, dict[str, float | None]] = {'detection': {}}
    figures = measured['detection']
    for cell, found in results.items():
        percent = None if found['diverged'] else 100 * mean_precision(found['average_precision'])
        best = figures.get(cell['init'])
        figures[cell['init']] = max(percent or 0, best or 0) or percent
    return PAGE.format(
        steps=protocol['steps'],
        photographs=protocol['photographs'] or 'all',
        test_photographs=protocol['test_photographs'] or 'all',
        table=side_by_side(measured, PRINTED, '{:.1f}'.format),
        agreement=agreement(measured, PRINTED, NEAR),
        curves=curves(results),
    )


def curves(results: Results) -> str:
    """A row for each cell, a column for each number of steps."""
    steps = sorted({row[0] for found in results.values() for row in found['curve']})
    lines = []
    for cell, found in results.items():
        by_step = {row[0]: row for row in found['curve']}
        cells = [cell.name]
        for step in steps:
            _, loss, precision = by_step.get(step, (step, None, None))
            shown = '–' if loss is None else f'{loss:.2f}'
            cells.append(f'{shown}, {100 * precision:.2f}' if precision is not None else '–')
        lines.append(cells)
    return markdown(['', *map(str, steps)], lines)


def draw(results: Results, path: Path) -> None:
    """The losses, and the mean average precision, by steps."""
    from matplotlib.figure import Figure

    figure = Figure((10, 4), layout='constrained')
    left, right = figure.subplots(1, 2)
    for cell, found in results.items():
        steps = [row[0] for row in found['curve']]
        percent = [100 * row[2] for row in found['curve']]
        every = range(SMOOTH, SMOOTH * len(found['losses']) + 1, SMOOTH)
        left.plot(every, found['losses'], label=cell.name)
        right.plot(steps, percent, marker='o', label=cell.name)
    left.set(xlabel='steps', ylabel='loss', ylim=(0, None))
    right.set(xlabel='steps', ylabel='mean average precision, percent', ylim=(0, None))
    left.legend()
    figure.savefig(path, dpi=100)


FULL = {
    'steps': 150_000,
    'drop_every': 50_000,
    'photographs': 0,
    'scales': [480, 576, 688, 864, 1200],
    'initial_photographs': 160,
    'test_photographs': 0,
    'test_regions': 0,
    'test_scale': 600,
    'test_every': 10_000,
    'snapshot_every': 1_000,
}
FEWER = {
    'steps': 2_000,
    'drop_every': 1_500,
    'photographs': 600,
    'scales': [256],
    'initial_photographs': 16,
    'test_photographs': 100,
    'test_regions': 300,
    'test_scale': 256,
    'test_every': 250,
    'snapshot_every': 100,
}
EXPERIMENT = Experiment(
    title='Table 2: initializations, Fast R-CNN on CaffeNet, VOC 2007 detection',
    full=Protocol(
        grid(init=list(INITIALIZATIONS), rate=[0.01, 0.002, 0.001], seed=[1]),
        '~8 hours a cell on a GPU',
        FULL,
    ),
    reduced=Protocol(
        grid(init=['kmeans', 'gaussian', 'xavier'], rate=[0.001], seed=[1]),
        '~1 hour a cell on two cores',
        FEWER,
    ),
    measure=measure,
    report=report,
    draw=draw,
    needs=[VOC2007],
)
