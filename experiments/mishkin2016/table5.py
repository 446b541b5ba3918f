"""Table 5: batch normalization before or after the nonlinearities of FitNet-4.

After it is better with tanh and maxout, and as good with ReLU. The weights are Xavier's.

Reduced: 500 iterations instead of 90,000 on the first 10,000 images. It took 38 minutes on a core.
"""

from goodinit.experiments.cifar_training import (
    FULL,
    REDUCED,
    accuracy_page,
    as_published,
    train_on_cifar,
)
from goodinit.experiments.mishkin2016.table3 import NETS
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

PRINTED = {
    'tanh': {'before': 88.10, 'after': 89.22},
    'ReLU': {'before': 92.60, 'after': 92.58},
    'maxout': {'before': 92.30, 'after': 92.98},
}


def measure(run: Run) -> Found:
    model = f'fitnet4/bn_{run["place"]}_{run["net"]}'
    found, _ = train_on_cifar(run, model, as_published('xavier'))
    return found


def names(cell: Cell) -> tuple[str, str]:
    return NETS[cell['net']], cell['place']


def report(results: Results, protocol: Protocol) -> str:
    title = 'Table 5: batch normalization before and after the nonlinearity'
    return accuracy_page(title, results, PRINTED, protocol, names)


CELLS = grid(net=['tanh', 'relu', 'maxout'], place=['before', 'after'], seed=[0])
EXPERIMENT = Experiment(
    title='batch normalization before and after the nonlinearities of FitNet-4',
    full=Protocol(CELLS, '~15 h a cell', FULL),
    reduced=Protocol(CELLS, '~5 to 10 min a cell', REDUCED),
    measure=measure,
    report=report,
    needs=[CIFAR10],
)
