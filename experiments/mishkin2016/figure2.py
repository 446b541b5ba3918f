"""Figure 2: how fast FitNet-4 learns CIFAR-10 from four initializations.

LSUV converges faster than the others with all nonlinearities except tanh, and maxout does not
converge from MSRA's weights.

Reduced: the first 300 iterations instead of 90,000, on the first 10,000 images. A cell took 3 to 7
minutes on a core.
"""

from math import isfinite
from pathlib import Path

from goodinit.experiments.cifar_training import FULL, REDUCED, as_published, train_on_cifar
from goodinit.experiments.runner import CIFAR10, Experiment, Found, Protocol, Results, Run, grid
from goodinit.experiments.runner.comparison import markdown
from goodinit.tools.plots import figures
from goodinit.tools.plots.training_curves import smoothed

NETS = ('relu', 'tanh', 'maxout')
INITS = {'lsuv': 'LSUV', 'orthonormal': 'OrthoInit', 'msra': 'MSRA', 'xavier': 'Xavier'}
WINDOW = 20  # iterations over which losses are averaged
Runs = dict[str, dict[str, Found]]  # by nonlinearity and initialization


def measure(run: Run) -> Found:
    found, _ = train_on_cifar(run, f'fitnet4/{run["net"]}', as_published(run['init']))
    return found


def by_net(results: Results) -> Runs:
    runs: Runs = {}
    for cell, found in results.items():
        runs.setdefault(cell['net'], {})[INITS[cell['init']]] = found
    return runs


def curve(found: Found) -> list[float]:
    """The smoothed losses; not a number where there was none."""
    losses = [float('nan') if loss is None else loss for loss in found['losses']]
    return smoothed(losses, max(WINDOW // found['every'], 1))


# -- the page

REPORT = """\
# Mishkin & Matas 2016, Figure 2: the first {iterations} iterations of FitNet-4 on CIFAR-10

Losses are means over {window} iterations of {batch} images; the accuracy is that of {tested} test
images at the end.

{table}

The paper finds that LSUV converges faster than the others with all nonlinearities except tanh, and
that maxout does not converge from MSRA's weights; its figure begins at an accuracy of 40 %. Here
the lowest loss at the end is that of {best}.
"""


def report(results: Results, protocol: Protocol) -> str:
    """The table, and which loss is the lowest."""
    iterations = protocol['iterations']
    rows = []
    best = []
    for net, found in by_net(results).items():
        best.append(f'{lowest(found)} ({net})')
        for name, run in found.items():
            losses = curve(run)
            third = iterations // 3 // run['every']
            ends = [f'{loss:.3f}' for loss in (*losses[third - 1 : third], losses[-1])]
            score = 'n/c' if run['diverged'] else f'{run["accuracy"]:.1%}'
            rows.append([net, name, *ends[:1], ends[-1], score])
    heads = [f'loss at {iterations // 3}', f'loss at {iterations}']
    return REPORT.format(
        iterations=iterations,
        window=WINDOW,
        batch=protocol['batch'],
        tested=protocol['tested'] * protocol['batch'],
        table=markdown(['nonlinearity', 'initialization', *heads, 'accuracy'], rows),
        best=', '.join(best),
    )


def lowest(found: dict[str, Found]) -> str:
    """The initialization with the lowest loss at the end."""
    ends = {name: curve(run)[-1] for name, run in found.items()}
    finite = [name for name in ends if isfinite(ends[name])]
    return min(finite or ends, key=lambda name: ends[name])


def draw(results: Results, path: Path) -> None:
    """The losses over the iterations, a panel for each nonlinearity."""
    runs = by_net(results)
    figure, axes = figures.panels([2.6] * len(runs), 'iteration')
    lines: list = []
    for panel, (net, found) in zip(axes, runs.items(), strict=True):
        lines = []
        for i, (name, run) in enumerate(found.items()):
            losses = curve(run)
            iterations = range(run['every'], len(losses) * run['every'] + 1, run['every'])
            lines += panel.plot(iterations, losses, **figures.look(i), label=name)
        panel.set(ylabel=f'loss, {net}', ylim=(1.6, 2.6))
    figures.legend_above(figure, lines, f'FitNet-4 on CIFAR-10, means over {WINDOW} iterations')
    figures.save(figure, path)


CELLS = grid(net=NETS, init=list(INITS), seed=[0])
EXPERIMENT = Experiment(
    title='the first iterations of FitNet-4 from four initializations',
    full=Protocol(CELLS, '~11 h a cell', FULL),
    reduced=Protocol(CELLS, '3 to 7 min a cell', {**REDUCED, 'iterations': 300}),
    measure=measure,
    report=report,
    draw=draw,
    needs=[CIFAR10],
)
