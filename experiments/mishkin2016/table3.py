"""Table 3: activation functions and initializations of FitNet-4 on CIFAR-10.

LSUV converges with all functions except sigmoid, is best with maxout and close to the best with
ReLU; with maxout MSRA fails, and with sigmoid all fail.

Reduced: 500 iterations instead of 90,000 on the first 10,000 images, so that accuracies tell which
nets have begun to learn, and no more. It took 71 minutes on a core.
"""

from goodinit.experiments.cifar_training import (
    FULL,
    REDUCED,
    accuracy_page,
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
    grid,
)
from goodinit.experiments.runner.comparison import Table

NETS = {
    'maxout': 'maxout',
    'relu': 'ReLU',
    'vlrelu': 'VLReLU',
    'tanh': 'tanh',
    'sigmoid': 'sigmoid',
}
INITS = {
    'lsuv': 'LSUV',
    'orthonormal': 'OrthoNorm',
    'orthonormal_msra': 'OrthoNorm-MSRA scaled',
    'xavier': 'Xavier',
    'msra': 'MSRA',
}
FAILED: dict[str, None] = dict.fromkeys(INITS.values())
PRINTED: Table = {
    'maxout': {'LSUV': 93.94, 'OrthoNorm': 93.78, 'Xavier': 91.75, 'MSRA': None},
    'ReLU': {
        'LSUV': 92.11,
        'OrthoNorm': 91.74,
        'OrthoNorm-MSRA scaled': 91.93,
        'Xavier': 90.63,
        'MSRA': 90.91,
    },
    'VLReLU': {
        'LSUV': 92.97,
        'OrthoNorm': 92.40,
        'OrthoNorm-MSRA scaled': 93.09,
        'Xavier': 92.27,
        'MSRA': 92.43,
    },
    'tanh': {'LSUV': 89.28, 'OrthoNorm': 89.48, 'Xavier': 89.82, 'MSRA': 89.54},
    'sigmoid': FAILED,
}


def measure(run: Run) -> Found:
    model = f'fitnet4/{run["net"]}'
    found, _ = train_on_cifar(run, model, as_published(run['init']))
    return found


def names(cell: Cell) -> tuple[str, str]:
    return NETS[cell['net']], INITS[cell['init']]


def report(results: Results, protocol: Protocol) -> str:
    return accuracy_page('Table 3: FitNet-4', results, PRINTED, protocol, names)


CELLS = grid(net=list(NETS), init=list(INITS), seed=[0])
EXPERIMENT = Experiment(
    title='activation functions and initializations: FitNet-4 on CIFAR-10',
    full=Protocol(CELLS, '~11 h a cell', FULL),
    reduced=Protocol(CELLS, '~4 to 8 min a cell', REDUCED),
    measure=measure,
    report=report,
    needs=[CIFAR10],
)
