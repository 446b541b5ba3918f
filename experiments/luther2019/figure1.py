"""Figure 1: the squared sample mean takes over the variance of preactivations with depth.

Left: what theory says of the mean m and the deviation v over samples in each layer (eq. 8). Right:
histograms of preactivations in layers 1 and 50 of wide ReLU nets, of three units over samples, and
of all over samples and nets. In layer 1 they are alike; in layer 50 a unit's own are narrow. It
took 5 minutes on a core.
"""

from pathlib import Path
from typing import Any

import numpy as np
from goodinit.experiments.luther_seung import (
    DEPTH,
    multilayer,
    put_normal_inputs,
    random_net,
    similarities,
)
from goodinit.experiments.runner import Experiment, Found, Protocol, Results, Run, grid
from goodinit.experiments.runner.comparison import markdown

BINS = np.linspace(-6, 6, 61)
SHOWN = (1, DEPTH)  # layers
UNITS = 3


def measure(run: Run) -> Found:
    """Histograms of one net's preactivations, and their statistics, in each layer shown."""
    rng = np.random.default_rng(run['seed'])
    net = random_net(multilayer(run['width'], DEPTH, run['samples']), rng, run.engine)
    put_normal_inputs(net, rng)
    net.forward()
    return {str(layer): statistics(net.blobs[f'u{layer}'].data) for layer in SHOWN}


def statistics(values: np.ndarray) -> Found:
    """Of preactivations (samples, units)."""
    units = [histogram(values[:, unit]) for unit in range(UNITS)]
    return {
        'units': units,
        'all': histogram(values),
        'squared_mean': np.mean(values.mean(axis=0) ** 2),
        'variance': np.mean(values.var(axis=0)),
    }


def histogram(values: np.ndarray) -> list[int]:
    return np.histogram(values, BINS)[0].tolist()


REPORT = """# Luther & Seung 2019, Figure 1: sample mean and variance in a wide ReLU net

{nets} nets of {depth} layers of {width} units, {samples} inputs from N(0, 1). m² is the squared
mean of a preactivation over samples, v² its variance, both averaged over units and nets.

{table}
"""


def report(results: Results, protocol: Protocol) -> str:
    rows = []
    for layer in SHOWN:
        theory = similarities(DEPTH)[layer - 1]
        mean = average(results, layer, 'squared_mean')
        variance = average(results, layer, 'variance')
        total = mean + variance
        theirs = [2 * theory, 2 * (1 - theory), 2]
        cells = [
            f'{ours:.3f} ({said:.3f})'
            for ours, said in zip([mean, variance, total], theirs, strict=True)
        ]
        rows.append([str(layer), *cells])
    head = ['layer', 'm² (theory)', 'v² (theory)', 'm² + v² (theory)']
    return REPORT.format(
        nets=len(results),
        depth=DEPTH,
        width=protocol['width'],
        samples=protocol['samples'],
        table=markdown(head, rows),
    )


def average(results: Results, layer: int, name: str) -> float:
    return float(np.mean([found[str(layer)][name] for found in results.values()]))


def draw(results: Results, path: Path) -> None:
    """Theory on the left, histograms on the right."""
    from goodinit.tools.plots import figures
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), dpi=figures.DPI, layout='constrained')
    parts: Any = figure.subfigures(1, 2, width_ratios=[1, 2])
    left, right = parts
    draw_theory(left.subplots())
    grid_of_panels = right.subplots(len(SHOWN), UNITS + 1, sharex=True)
    first = next(iter(results.values()))
    for layer, panels in zip(SHOWN, grid_of_panels, strict=True):
        counts = [*first[str(layer)]['units'], summed(results, layer)]
        for i, (panel, values) in enumerate(zip(panels, counts, strict=True)):
            panel.stairs(np.asarray(values) / max(sum(values), 1), BINS, fill=True)
            panel.set_yticks([])
            name = f'unit {i + 1}' if i < UNITS else 'all units and nets'
            panel.set_title(f'layer {layer}, {name}', fontsize='small')
    right.supxlabel('preactivation', fontsize='small')
    figures.save(figure, path)


def draw_theory(panel: Any) -> None:
    from goodinit.tools.plots import figures

    layers = range(1, DEPTH + 1)
    similar = np.array(similarities(DEPTH))
    curves = {'mean m': 2 * similar, 'deviation v': 2 * (1 - similar), 'total': 2 + 0 * similar}
    for i, (name, squares) in enumerate(curves.items()):
        panel.plot(layers, np.sqrt(squares), **figures.look(i), label=name)
    panel.set(xlabel='layer', ylim=(0, 1.6), title='theory, infinite width')
    panel.legend(frameon=False)


def summed(results: Results, layer: int) -> np.ndarray:
    return np.sum([found[str(layer)]['all'] for found in results.values()], axis=0)


EXPERIMENT = Experiment(
    title='sample mean and variance by depth, theory and histograms',
    full=Protocol(grid(seed=range(30)), '1 min', {'width': 1000, 'samples': 1000}),
    measure=measure,
    report=report,
    draw=draw,
)
