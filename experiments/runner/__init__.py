"""What runs experiments: their description, the data they need, their cells, which are kept when
they are finished, and trainings that go on after a kill.

It stands below tools/: `goodinit reproduce` shows what it does.
"""

from .data_sets import CIFAR10, ILSVRC12_SAMPLE, ISBI2012, MNIST, DataSet
from .description import Cell, Experiment, Found, Protocol, Results, grid
from .errors import ExperimentError
from .run import Run
from .training import Curve, train

__all__ = [
    'CIFAR10',
    'ILSVRC12_SAMPLE',
    'ISBI2012',
    'MNIST',
    'Cell',
    'Curve',
    'DataSet',
    'Experiment',
    'ExperimentError',
    'Found',
    'Protocol',
    'Results',
    'Run',
    'grid',
    'train',
]
