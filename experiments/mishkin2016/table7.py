"""Table 7: how many images LSUV should measure. FitNet-4 with tanh, 2 to 1024 images.

There is no difference between small and large batches, except where only two images are used.

Reduced: no training; instead, by how much the weights' deviations differ from those of 128 images.
It took 7 minutes on a core.
"""

import numpy as np
from goodinit.experiments.cifar10 import Cifar10
from goodinit.experiments.cifar_training import FULL, train_on_cifar
from goodinit.experiments.mishkin_matas import BATCH_SIZE, Batch, fitnet4, measured_layers
from goodinit.experiments.runner import CIFAR10, Experiment, Found, Protocol, Results, Run, grid
from goodinit.experiments.runner.comparison import markdown
from goodinit.experiments.runner.data_sets import find_file
from goodinit.netlib import Net

SIZES = (2, 16, 32, 128, 1024)
PRINTED = {2: 89.27, 16: 89.30, 32: 89.30, 128: 89.28, 1024: 89.31}


def measure(run: Run) -> Found:
    """The deviations of the weights that LSUV finds, and perhaps the accuracy that they lead to."""
    path = find_file(run.folder(CIFAR10), 'data_batch_1.bin*')
    data = Cifar10([path], size=run['size'])
    rng = np.random.default_rng(run['seed'])
    net = fitnet4('tanh', 'lsuv', data.batch(rng), rng, engine=run.engine)
    stds = {}
    for layer, name in measured_layers(net).items():
        stds[layer] = float(net.params[name][0].data.std())
    found: Found = {'stds': stds}
    if run['iterations']:
        found |= train_from(run, net)
    return found


def train_from(run: Run, initialized: Net) -> Found:
    """Train a net that starts with these weights."""
    weights = initialized.to_proto()

    def start(net: Net, batch: Batch, rng: np.random.Generator) -> None:
        net.copy_from(weights)

    found, _ = train_on_cifar(run, 'fitnet4/tanh', start)
    return found


# -- the page

REPORT = """# Mishkin & Matas 2016, Table 7: images that LSUV measures, FitNet-4 with tanh

Standard deviations of the weights over those that {usual} images give, layer by layer; means over
{seeds} seeds. At the right how much one seed differs from another with as many images.

{table}

The paper prints accuracies of {least} to {most} %, the least with two images.
"""
HEAD = ['images', 'smallest', 'mean', 'greatest', 'spread over seeds', 'accuracy', 'printed']


def report(results: Results, protocol: Protocol) -> str:
    stds = by_size(results)
    usual = stds.get(BATCH_SIZE, next(iter(stds.values()))).mean(axis=0)
    rows = []
    for size, values in stds.items():
        ratios = values.mean(axis=0) / usual
        spread = float(np.mean(values.std(axis=0) / values.mean(axis=0)))
        figures = [f'{each:.3f}' for each in (ratios.min(), ratios.mean(), ratios.max(), spread)]
        rows.append([str(size), *figures, accuracy_text(results, size), f'{PRINTED[size]:.2f}'])
    return REPORT.format(
        usual=BATCH_SIZE,
        seeds=len({cell['seed'] for cell in results}),
        table=markdown(HEAD, rows),
        least=min(PRINTED.values()),
        most=max(PRINTED.values()),
    )


def by_size(results: Results) -> dict[int, np.ndarray]:
    """The deviations (seeds, layers) of each number of images."""
    found: dict[int, list[list[float]]] = {}
    for cell, values in results.items():
        found.setdefault(cell['size'], []).append(list(values['stds'].values()))
    return {size: np.array(stds) for size, stds in found.items()}


def accuracy_text(results: Results, size: int) -> str:
    """The mean accuracy of the nets that were trained."""
    scores = []
    for cell, found in results.items():
        score = found.get('accuracy')
        if cell['size'] == size and score is not None:
            scores.append(score)
    return f'{100 * np.mean(scores):.2f}' if scores else '–'


EXPERIMENT = Experiment(
    title='how many images LSUV measures: FitNet-4 with tanh',
    full=Protocol(grid(size=SIZES, seed=[0]), '~11 h a cell', FULL),
    reduced=Protocol(
        grid(size=SIZES, seed=range(5)), '~3 min', {**FULL, 'files': 1, 'iterations': 0}
    ),
    measure=measure,
    report=report,
    needs=[CIFAR10],
)
