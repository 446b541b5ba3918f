"""Figure 4: nets whose sample mean and variance are preserved train faster.

ALL-CNN-C on CIFAR-10 and U-Net on ISBI 2012, from scale and from scale+bias initialization over
five batches and with batch normalization, by SGD with momentum and by Adam, each with the best of
four rates: scale+bias is ahead of scale in each case.

Reduced: a quarter and an eighth of the channels, squares of 128 pixels, 200 iterations, one seed.
It took 10 minutes on a core.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from goodinit.experiments.luther_nets import feeder, training_net
from goodinit.experiments.runner import (
    CIFAR10,
    ISBI2012,
    Cell,
    Experiment,
    Found,
    Protocol,
    Results,
    Run,
    train,
)
from goodinit.experiments.runner.comparison import markdown
from goodinit.initializers import PRESETS, fill, initialize
from goodinit.netlib import Net
from goodinit.proto.caffe_pb2 import SolverParameter
from goodinit.tools.plots import figures
from goodinit.tools.plots.training_curves import smoothed

NETS = {'all_cnn_c': 'ALL-CNN-C', 'unet': 'U-Net'}
RATES = {'SGD': (0.0003, 0.001, 0.003, 0.01), 'Adam': (0.00003, 0.0001, 0.0003, 0.001)}
INITS = {'scale': 'scale', 'scale_bias': 'scale+bias', 'batch_norm': 'batch normalization'}
BATCHES = 5  # that an initialization measures
WINDOW = 20  # iterations over which losses are averaged


def measure(run: Run) -> Found:
    """The losses of one training."""
    feed = feeder(run)
    divisor = run[f'narrower_{run["net"]}']
    net = training_net(run['net'], feed(0), divisor, run['init'] == 'batch_norm')
    param = SolverParameter(
        type=run['solver'],
        base_lr=run['rate'],
        lr_policy='fixed',
        momentum=0.9,
        momentum2=0.999,
        delta=1e-8,
        random_seed=run['seed'],
        net_param=net,
    )
    _, curve = train(run, param, run['iterations'], fill=starter(run, feed), feed=feed)
    return curve.as_found()


def starter(run: Run, feed: Callable[[int], dict]) -> Callable[[Net], None]:
    """What initializes the net: the weights of He et al. for batch normalization."""
    rng = np.random.default_rng([run['seed'], 1])

    def start(net: Net) -> None:
        fill(net, rng)
        if run['init'] != 'batch_norm':
            batches = [feed(i) for i in range(BATCHES)]
            initialize(net, batches, PRESETS[run['init']], rng)

    return start


# -- the page


class Best(NamedTuple):
    """The rate with the least loss at the end, the smoothed losses, and iterations from each to the
    next."""

    rate: float
    losses: np.ndarray
    every: int

    @property
    def end(self) -> float:
        return float(self.losses[-1])


Case = tuple[str, str]  # net and solver
REPORT = """# Luther & Seung 2019, Figure 4: training from scale and scale+bias initialization

The loss at the end of {iterations} iterations, the mean of the last {window}, with the rate that
makes it least.

{table}

Scale+bias ends below scale in {ahead} of {cases} cases; in the paper in all.
"""


def report(results: Results, protocol: Protocol) -> str:
    best = best_curves(results)
    rows = []
    ahead = 0
    both = 0
    for (net, solver), curves in best.items():
        cells = [NETS[net], solver]
        for init in INITS:
            found = curves.get(init)
            cells.append(f'{found.end:.3f} (rate {found.rate:g})' if found else '–')
        rows.append(cells)
        if {'scale', 'scale_bias'} <= curves.keys():
            both += 1
            ahead += curves['scale_bias'].end < curves['scale'].end
    return REPORT.format(
        iterations=protocol['iterations'],
        window=WINDOW,
        table=markdown(['net', 'solver', *INITS.values()], rows),
        ahead=ahead,
        cases=both,
    )


def best_curves(results: Results) -> dict[Case, dict[str, Best]]:
    """For each case and initialization that with the best rate, the mean over seeds."""
    seeds: dict[tuple, list[np.ndarray]] = {}
    every = 1
    for cell, found in results.items():
        if not found['diverged']:
            every = found['every']
            window = max(WINDOW // every, 1)
            key = (cell['net'], cell['solver'], cell['init'], cell['rate'])
            seeds.setdefault(key, []).append(np.array(smoothed(found['losses'], window)))
    best: dict[Case, dict[str, Best]] = {}
    for (net, solver, init, rate), curves in seeds.items():
        found = best.setdefault((net, solver), {})
        this = Best(rate, np.mean(curves, axis=0), every)
        if init not in found or this.end < found[init].end:
            found[init] = this
    return best


def draw(results: Results, path: Path) -> None:
    """A panel for each net and solver."""
    from matplotlib.figure import Figure

    best = best_curves(results)
    figure = Figure(figsize=(11, 7), dpi=figures.DPI, layout='constrained')
    panels: Any = figure.subplots(len(NETS), len(RATES), squeeze=False)
    for row, net in zip(panels, NETS, strict=True):
        for panel, solver in zip(row, RATES, strict=True):
            panel.set(title=f'{NETS[net]}, {solver}', xlabel='iteration', ylabel='loss')
            for i, (init, found) in enumerate(best.get((net, solver), {}).items()):
                iterations = np.arange(1, len(found.losses) + 1) * found.every
                label = f'{INITS[init]}, rate {found.rate:g}'
                panel.plot(iterations, found.losses, **figures.look(i), label=label)
            panel.set_visible(bool(panel.lines))
            if panel.lines:
                panel.set(yscale='log')
                panel.legend(frameon=False, fontsize='small')
    figures.save(figure, path)


def cells(seeds: int) -> list[Cell]:
    """One for each net, solver, initialization, rate and seed."""
    found = []
    for net in NETS:
        for solver, rates in RATES.items():
            for init in INITS:
                found += of_case(net, solver, init, rates, seeds)
    return found


def of_case(net: str, solver: str, init: str, rates: tuple[float, ...], seeds: int) -> list[Cell]:
    made = []
    for rate in rates:
        for seed in range(seeds):
            name = f'{net}-{solver}-{init}-{rate:g}-{seed}'
            settings = {'net': net, 'solver': solver, 'init': init, 'rate': rate, 'seed': seed}
            made.append(Cell(name, settings))
    return made


EXPERIMENT = Experiment(
    title='training of ALL-CNN-C and U-Net from scale and scale+bias initialization',
    full=Protocol(
        cells(3),
        '~hours a cell',
        {
            'iterations': 10_000,
            'images': 128,
            'slices': 1,
            'size': 512,
            'narrower_all_cnn_c': 1,
            'narrower_unet': 1,
        },
    ),
    reduced=Protocol(
        cells(1),
        '~1 min a cell',
        {
            'iterations': 200,
            'images': 32,
            'slices': 1,
            'size': 128,
            'narrower_all_cnn_c': 4,
            'narrower_unet': 8,
        },
    ),
    measure=measure,
    report=report,
    draw=draw,
    needs=[CIFAR10, ISBI2012],
)
