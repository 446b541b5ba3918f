"""Figure 1: how fast each layer of CaffeNet would learn, by initialization.

The between-layer step makes the change rates of all layers equal; k-means weights have a low
coefficient of variation within layers. Initialized from 160 images, measured on 100 others. The
paper's are of VOC 2007; any photographs will do. It took 9 minutes on a core.
"""

from pathlib import Path
from typing import Any

import numpy as np
from goodinit.experiments.runner import (
    ILSVRC12_SAMPLE,
    Cell,
    Experiment,
    Found,
    Protocol,
    Results,
    Run,
)
from goodinit.experiments.runner.comparison import markdown
from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.fed_net import FedNet, feed_net
from goodinit.feeding.net_file import read_net_file
from goodinit.initializers import PRESETS, Recipe, fill, initialize, measure
from goodinit.netlib.tables import number

# What is done to which net.
CASES = {
    'gaussian': ('Gaussian', 'caffenet', Recipe('gaussian', 'none')),
    'caffe': ('Caffe', 'caffenet', PRESETS['filler']),
    'kmeans': ('k-means', 'caffenet', Recipe('kmeans', 'none')),
    'gaussian-within': ('Gaussian, within', 'caffenet', Recipe('gaussian', 'within')),
    'kmeans-within': ('k-means, within', 'caffenet', Recipe('kmeans', 'within')),
    'gaussian-between': (
        'Gaussian, within, between',
        'caffenet',
        Recipe('gaussian', 'within', 'exact'),
    ),
    'kmeans-between': ('k-means, within, between', 'caffenet', Recipe('kmeans', 'within', 'exact')),
    'kmeans-algorithm2': (
        'k-means, within, Algorithm 2',
        'caffenet',
        Recipe('kmeans', 'within', 'paper'),
    ),
    'no_lrn-within': (
        'no LRN: Gaussian, within',
        'caffenet/no_lrn',
        Recipe('gaussian', 'within'),
    ),
    'no_lrn-between': (
        'no LRN: Gaussian, within, between',
        'caffenet/no_lrn',
        Recipe('gaussian', 'within', 'exact'),
    ),
}
PANELS = {'change_rate': 'average change rate', 'cv': 'coefficient of variation'}


def measure_case(run: Run) -> Found:
    """The measures of each layer, on other images than those that initialized it."""
    _, model, recipe = CASES[run['case']]
    images = run['to_initialize'] + run['to_measure']
    options = DataOptions(
        data=str(run.folder(ILSVRC12_SAMPLE)), batch_size=run['batch'], batches=images
    )
    fed = feed_net(read_net_file(model), options, run.engine)
    return {'layers': initialized(fed, recipe, run['to_initialize'])}


def initialized(fed: FedNet, recipe: Recipe, batches: int) -> list[Found]:
    """The measures of a net that is initialized from the first batches, on the others."""
    rng = np.random.default_rng(0)
    fill(fed.net, rng)
    data = fed.data.batches
    initialize(fed.net, data[:batches], recipe, rng)
    rows = measure(fed.net, data[batches:], np.random.default_rng(1))
    return [
        {'layer': row.layer, 'change_rate': row.change_rate, 'cv': row.change_rate_cv}
        for row in rows
    ]


# -- the page

REPORT = """# Krähenbühl et al. 2016, Figure 1: change rates of CaffeNet

Initialized from {initialize} images, measured on {measure} others.

Average change rate per layer (Figure 1a), and the greatest of a net over its smallest:

{rates}

Coefficient of variation within each layer (Figure 1b):

{cvs}
"""


def report(results: Results, protocol: Protocol) -> str:
    """The tables."""
    rates: list[list[str]] = []
    cvs: list[list[str]] = []
    for cell, found in results.items():
        layers = [row['layer'] for row in found['layers']]
        measured = [row['change_rate'] for row in found['layers']]
        spread = max(measured) / min(measured)
        rates.append([title(cell), *map(number, measured), number(spread)])
        cvs.append([title(cell), *(number(row['cv']) for row in found['layers'])])
    return REPORT.format(
        initialize=protocol['to_initialize'] * protocol['batch'],
        measure=protocol['to_measure'] * protocol['batch'],
        rates=markdown(['', *layers, 'greatest / smallest'], rates),
        cvs=markdown(['', *layers], cvs),
    )


def title(cell: Cell) -> str:
    return CASES[cell['case']][0]


def draw(results: Results, path: Path) -> None:
    """Both measures of all cases over the layers."""
    from goodinit.tools.plots import figures
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), dpi=figures.DPI, layout='constrained')
    axes: Any = figure.subplots(1, len(PANELS))
    for panel, (name, text) in zip(axes, PANELS.items(), strict=True):
        draw_lines(panel, results, name)
        panel.set_title(text)
    axes[1].legend(fontsize='small', loc='upper left', bbox_to_anchor=(1, 1))
    figures.save(figure, path)


def draw_lines(panel: Any, results: Results, name: str) -> None:
    for cell, found in results.items():
        layers = [row['layer'] for row in found['layers']]
        values = [row[name] for row in found['layers']]
        panel.semilogy(layers, values, 'o-', markersize=3, label=title(cell))


EXPERIMENT = Experiment(
    title='change rates of CaffeNet by initialization',
    full=Protocol(
        [Cell(case, {'case': case}) for case in CASES],
        '9 min',
        {'batch': 20, 'to_initialize': 8, 'to_measure': 5},
    ),
    measure=measure_case,
    report=report,
    draw=draw,
    needs=[ILSVRC12_SAMPLE],
)
