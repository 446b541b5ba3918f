"""Table 4: activation functions and initializations of FitResNet-4, with residual connections.

LSUV is the only initialization that converges with all functions except sigmoid.

Reduced: 500 iterations instead of 90,000 on the first 10,000 images, so that accuracies tell which
nets have begun to learn, and no more. It took 54 minutes on a core.
"""

from goodinit.experiments.cifar_training import (
    FULL,
    REDUCED,
    accuracy_page,
    as_published,
    train_on_cifar,
)
from goodinit.experiments.mishkin2016.table3 import INITS, NETS, names
from goodinit.experiments.runner import CIFAR10, Experiment, Found, Protocol, Results, Run, grid
from goodinit.experiments.runner.comparison import Table

PRINTED: Table = {
    'maxout': {'LSUV': 94.16, 'OrthoNorm': None, 'Xavier': None, 'MSRA': None},
    'ReLU': {'LSUV': 92.82, 'OrthoNorm': 91.42, 'Xavier': 92.48, 'MSRA': None},
    'VLReLU': {'LSUV': 93.36, 'OrthoNorm': None, 'Xavier': 93.34, 'MSRA': None},
    'tanh': {'LSUV': 89.17, 'OrthoNorm': 89.31, 'Xavier': 89.62, 'MSRA': 88.59},
    'sigmoid': {'LSUV': None, 'OrthoNorm': None, 'Xavier': None, 'MSRA': None},
}


def measure(run: Run) -> Found:
    model = f'fitresnet4/{run["net"]}'
    found, _ = train_on_cifar(run, model, as_published(run['init']))
    return found


def report(results: Results, protocol: Protocol) -> str:
    return accuracy_page('Table 4: FitResNet-4', results, PRINTED, protocol, names)


TRIED = [init for init in INITS if init != 'orthonormal_msra']
CELLS = grid(net=list(NETS), init=TRIED, seed=[0])
EXPERIMENT = Experiment(
    title='activation functions and initializations: FitResNet-4 on CIFAR-10',
    full=Protocol(CELLS, '~11 h a cell', FULL),
    reduced=Protocol(CELLS, '~4 to 8 min a cell', REDUCED),
    measure=measure,
    report=report,
    needs=[CIFAR10],
)
