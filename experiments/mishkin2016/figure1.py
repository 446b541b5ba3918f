"""Figure 1: how large updates are, by the scale of orthonormal weights.

The relative magnitude of an update, |update| / |weights|, over the iterations: a net learns where
it is between 0.1 % and 1 %; above it diverges, below it stays where it is. For ReLU the best scale
is about 1.4. FitNet-4 with four nonlinearities; the mean over its layers.

Reduced: 100 iterations, on the first 10,000 images. It took 21 minutes on a core.
"""

from pathlib import Path
from typing import Any

import numpy as np
from goodinit.experiments.cifar_training import (
    FULL,
    REDUCED,
    begins_to_learn,
    final_loss,
    train_on_cifar,
)
from goodinit.experiments.mishkin_matas import Batch, initialize_as_published
from goodinit.experiments.runner import CIFAR10, Experiment, Found, Protocol, Results, Run, grid
from goodinit.experiments.runner.comparison import markdown
from goodinit.netlib import Net
from goodinit.solvers import Solver
from goodinit.tools.plots import figures

NETS = {'relu': 'ReLU', 'vlrelu': 'VLReLU', 'tanh': 'tanh', 'maxout': 'maxout'}
SCALES = (0.5, 1.0, 1.2, 1.4, 1.6, 2.0)
LEARNS = (1e-3, 1e-2)


def measure(run: Run) -> Found:
    """The relative updates of a training from orthonormal weights times a scale."""

    def start(net: Net, batch: Batch, rng: np.random.Generator) -> None:
        initialize_as_published(net, 'orthonormal', batch, rng)
        for params in net.params.values():
            params[0].data = params[0].data * np.float32(run['scale'])

    found, _ = train_on_cifar(
        run, f'fitnet4/{run["net"]}', start, probe=relative_update, probe_every=run['probe_every']
    )
    return found


def relative_update(solver: Solver) -> float:
    """|update| / |weights| of the last iteration, mean over layers; SGD keeps its update."""
    shares = []
    for param, update in zip(solver.learnable, solver.history, strict=True):
        if len(param.shape) > 1:
            shares.append(np.linalg.norm(update.data) / np.linalg.norm(param.data))
    return float(np.mean(shares))


# -- the page

REPORT = """# Mishkin & Matas 2016, Figure 1: relative updates by the scale of orthonormal weights

FitNet-4 on CIFAR-10, {iterations} iterations: the median of the relative update over the
iterations, in percent, and the loss at the end.

{table}

The paper finds that updates of 0.1 % to 1 % lead to convergence, and that the best scale for ReLU
is about 1.4. Here the loss at the end is lowest with {best}.
"""


def report(results: Results, protocol: Protocol) -> str:
    table: dict[str, dict[str, str]] = {}
    losses: dict[str, dict[str, float]] = {}
    for cell, found in results.items():
        net, scale = NETS[cell['net']], f'{cell["scale"]:g}'
        table.setdefault(scale, {})[net] = described(found)
        losses.setdefault(net, {})[scale] = final_loss(found)
    rows = []
    for scale, cells in table.items():
        rows.append([scale, *(cells.get(net, '–') for net in losses)])
    best = [f'{min(found, key=lambda s: found[s])} ({net})' for net, found in losses.items()]
    return REPORT.format(
        iterations=protocol['iterations'],
        table=markdown(['scale', *losses], rows),
        best=', '.join(best),
    )


def described(found: Found) -> str:
    """The typical update, the loss, and whether the net learns."""
    loss = final_loss(found)
    if not np.isfinite(loss):
        return 'diverges'
    typical = 100 * np.nanmedian(updates(found))
    mark = '' if begins_to_learn(found) else ' n/c'
    return f'{typical:.2g} %, {loss:.3f}{mark}'


def updates(found: Found) -> list[float]:
    """The relative updates after the first iteration; NaN where one was not finite."""
    values = list(found['probes'].values())[1:]
    return [float('nan') if value is None else value for value in values] or [float('nan')]


def draw(results: Results, path: Path) -> None:
    """A panel for each nonlinearity, a curve for each scale, and the band in which nets learn."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), dpi=figures.DPI, layout='constrained')
    panels: Any = figure.subplots(2, 2, sharex=True, sharey=True)
    colors = figures.by_depth(len(SCALES))
    for panel, (net, title) in zip(panels.flat, NETS.items(), strict=True):
        panel.axhspan(*LEARNS, color=figures.GRID)
        for cell, found in results.items():
            if cell['net'] == net:
                iterations = [int(at) for at in found['probes']][1:]
                color = colors[SCALES.index(cell['scale'])]
                values = updates(found)[: len(iterations)]
                panel.plot(iterations, values, color=color, label=f'{cell["scale"]:g}')
        panel.set(title=title, yscale='log', ylabel='|update| / |weights|')
    for panel in panels[-1]:
        panel.set_xlabel('iteration')
    panels.flat[0].legend(title='scale', frameon=False, fontsize='small')
    figures.save(figure, path)


CELLS = grid(net=list(NETS), scale=SCALES, seed=[0])
EXPERIMENT = Experiment(
    title='relative updates of FitNet-4 by the scale of orthonormal weights',
    full=Protocol(CELLS, '~25 min a cell', {**FULL, 'iterations': 2000, 'probe_every': 20}),
    reduced=Protocol(CELLS, '~1 min a cell', {**REDUCED, 'iterations': 100, 'probe_every': 2}),
    measure=measure,
    report=report,
    draw=draw,
    needs=[CIFAR10],
)
