"""Figure 3: FitNet-4 with ReLU from LSUV, and with batch normalization, over the time they take.

With batch normalization fewer iterations do, but each takes about 30 % longer; by the clock LSUV is
as good. BN-half has half the iterations at each rate.

Reduced: 500 iterations, on the first 10,000 images. Time is that of the CPU, without tests. It took
10 minutes on a core.
"""

from pathlib import Path

import numpy as np
from goodinit.experiments.cifar_training import (
    FULL,
    REDUCED,
    accuracy,
    as_published,
    train_on_cifar,
)
from goodinit.experiments.runner import (
    CIFAR10,
    Cell,
    Experiment,
    Found,
    Protocol,
    Results,
    Run,
)
from goodinit.experiments.runner.comparison import markdown
from goodinit.tools.plots import figures

CASES = {
    'lsuv': ('LSUV', 'fitnet4/relu', 'lsuv', 1),
    'bn': ('BN', 'fitnet4/bn_after_relu', 'xavier', 1),
    'bn_half': ('BN-half', 'fitnet4/bn_after_relu', 'xavier', 2),
}


def measure(run: Run) -> Found:
    """Accuracies during a training, and the seconds until each."""
    _, model, preset, divisor = CASES[run['case']]
    found, curve = train_on_cifar(
        run,
        model,
        as_published(preset),
        probe=lambda solver: accuracy(solver, model, run),
        probe_every=run['probe_every'],
        schedule=divisor,
    )
    seconds = {}
    for iteration in map(int, curve.probes):
        seconds[str(iteration)] = curve.seconds[iteration - 1] if iteration else 0.0
    return {**found, 'until': seconds}


# -- the page

REPORT = """# Mishkin & Matas 2016, Figure 3: FitNet-4, LSUV and batch normalization over time

{table}

The paper says that batch normalization adds 30 % to an iteration{ratio}.
"""


def report(results: Results, protocol: Protocol) -> str:
    rows = []
    per_iteration = {}
    for cell, found in results.items():
        iterations = int(list(found['probes'])[-1])
        milliseconds = 1000 * found['seconds'] / iterations
        per_iteration[cell['case']] = milliseconds
        scores = [f'{100 * score:.1f}' for score in found['probes'].values()]
        name = CASES[cell['case']][0]
        rows.append([name, str(iterations), f'{milliseconds:.0f}', max(scores, key=float)])
    ratio = ''
    if {'lsuv', 'bn'} <= per_iteration.keys():
        ratio = f'; here it is {per_iteration["bn"] / per_iteration["lsuv"] - 1:.0%}'
    head = ['', 'iterations', 'CPU ms per iteration', 'best accuracy, %']
    return REPORT.format(table=markdown(head, rows), ratio=ratio)


def draw(results: Results, path: Path) -> None:
    """Accuracy over minutes."""
    figure, [panel] = figures.panels([4], 'minutes of CPU time')
    lines = []
    for i, (cell, found) in enumerate(results.items()):
        minutes = np.array(list(found['until'].values())) / 60
        scores = list(found['probes'].values())
        name = CASES[cell['case']][0]
        lines += panel.plot(minutes, scores, **figures.look(i), marker='o', label=name)
    panel.set_ylabel('accuracy')
    panel.xaxis.get_major_locator().set_params(integer=False)
    figures.legend_above(figure, lines, 'FitNet-4 with ReLU on CIFAR-10')
    figures.save(figure, path)


def cells(*cases: str) -> list[Cell]:
    return [Cell(case, {'case': case, 'seed': 0}) for case in cases]


EXPERIMENT = Experiment(
    title='FitNet-4 from LSUV and with batch normalization, over time',
    full=Protocol(cells(*CASES), '~11 h a cell', {**FULL, 'probe_every': 2000}),
    reduced=Protocol(cells('lsuv', 'bn'), '~5 min a cell', {**REDUCED, 'probe_every': 100}),
    measure=measure,
    report=report,
    draw=draw,
    needs=[CIFAR10],
)
