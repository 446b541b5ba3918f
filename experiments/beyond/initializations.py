"""All initializations of goodinit beside each other, on four nets and CIFAR-10.

FitNet-4 with ReLU and with tanh, ResNet-20 without batch normalization, and ALL-CNN-C, each by its
published solver from every method of `goodinit init`, which measures one batch. There is nothing
printed to compare with.

Reduced: one seed and 500 iterations on the first 10,000 images. A cell took 3 minutes on a core.
"""

from pathlib import Path
from typing import Any

import numpy as np
from goodinit.experiments.cifar_training import (
    BATCH,
    CHANCE,
    LAST,
    REDUCED,
    as_published,
    begins_to_learn,
    final_loss,
    train_on_cifar,
)
from goodinit.experiments.runner import CIFAR10, Experiment, Found, Protocol, Results, Run, grid
from goodinit.experiments.runner.comparison import markdown
from goodinit.initializers import PRESETS
from goodinit.tools.plots import figures

NETS = {
    'fitnet4_relu': ('FitNet-4, ReLU', 'fitnet4/relu'),
    'fitnet4_tanh': ('FitNet-4, tanh', 'fitnet4/tanh'),
    'resnet20': ('ResNet-20 without BN', 'resnet20/no_bn'),
    'all_cnn_c': ('ALL-CNN-C', 'all_cnn_c'),
}
NEVER = 10.0  # where a training that diverged stands in the picture


def measure(run: Run) -> Found:
    found, _ = train_on_cifar(run, NETS[run['net']][1], as_published(run['init']))
    return found


REPORT = """# All initializations on four nets

The mean loss of the last {last} of {iterations} iterations of {batch} images, and the accuracy on
{tested} test images in percent; {seeds}. A net that knows nothing has {chance:.2f}
and 10 %. n/c: not finite, or not better than that.

{table}
"""


def report(results: Results, protocol: Protocol) -> str:
    found = by_net(results)
    seeds = {cell['seed'] for cell in results}
    names = list(found)
    titles = [NETS[net][0] for net in names]
    rows = []
    for init in PRESETS:
        cells = [cell_text(found[net].get(init, [])) for net in names]
        if any(cell != '–' for cell in cells):
            rows.append([init, *cells])
    return REPORT.format(
        last=LAST,
        iterations=protocol['iterations'],
        batch=protocol['batch'],
        tested=protocol['tested'] * protocol['batch'],
        seeds='one seed' if len(seeds) == 1 else f'means over {len(seeds)} seeds',
        chance=CHANCE,
        table=markdown(['initialization', *titles], rows),
    )


def by_net(results: Results) -> dict[str, dict[str, list[Found]]]:
    """What the seeds found, by net and initialization."""
    found: dict[str, dict[str, list[Found]]] = {}
    for cell, each in results.items():
        found.setdefault(cell['net'], {}).setdefault(cell['init'], []).append(each)
    return found


def cell_text(seeds: list[Found]) -> str:
    """'1.850, 31.2 %'."""
    if not seeds:
        return '–'
    if not all(map(begins_to_learn, seeds)):
        return 'n/c'
    loss = np.mean([final_loss(each) for each in seeds])
    score = np.mean([each['accuracy'] for each in seeds])
    return f'{loss:.3f}, {score:.1%}'


def draw(results: Results, path: Path) -> None:
    """For each net the loss at the end by initialization, the best first."""
    from matplotlib.figure import Figure

    found = by_net(results)
    figure = Figure(figsize=(12, 5), dpi=figures.DPI, layout='constrained')
    panels: Any = figure.subplots(1, len(found), squeeze=False)
    for panel, (net, inits) in zip(panels[0], found.items(), strict=True):
        losses = {}
        for init, seeds in inits.items():
            losses[init] = np.mean([min(final_loss(each), NEVER) for each in seeds])
        order = sorted(losses, key=lambda init: -losses[init])
        panel.barh(order, [losses[init] for init in order], color=figures.COLORS[0])
        panel.axvline(CHANCE, color='k', linestyle='--', linewidth=1)
        panel.set(title=NETS[net][0], xlabel='loss at the end', xlim=(None, 1.2 * CHANCE))
    figures.save(figure, path)


EXPERIMENT = Experiment(
    title='every method of goodinit init on four nets, CIFAR-10',
    full=Protocol(
        grid(net=list(NETS), init=list(PRESETS), seed=range(3)),
        '~5 to 15 min a cell',
        {'iterations': 1000, 'files': 5, 'tested': 78, **BATCH},
    ),
    reduced=Protocol(
        grid(net=list(NETS), init=list(PRESETS), seed=[0]), '~1 to 4 min a cell', REDUCED
    ),
    measure=measure,
    report=report,
    draw=draw,
    needs=[CIFAR10],
)
