"""Which initializations Krähenbühl et al. (2016) compare on VOC, and how each is trained."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from goodinit.experiments.runner import Cell
from goodinit.initializers import Recipe

# What normalizes layers, and what balances them: until change rates agree, where the paper stops
# after ten rounds. As in the paper, that may change what the net computes: else CaffeNet's LRN
# would hold conv1, which learns a thousand times too fast.
BALANCED = {'allow_change': True}
SCALINGS = {
    'none': ('none', 'none'),
    'within': ('within', 'none'),
    'between': ('none', 'exact'),
    'both': ('within', 'exact'),
}
# The paper gives MSRA's weights to convolutions only, and Gaussian ones to inner products.
CONVOLUTIONS = r'conv\d'
MSRA = (
    Recipe('msra', 'none', layers=CONVOLUTIONS),
    Recipe('gaussian', 'none', layers=r'fc\d'),
)
# Nets of others, which learned without labels: DATA/caffemodels/<name>.caffemodel.
PRETRAINED = ('agrawal2015', 'wang2015', 'doersch2015')
SEED = 1


class Optimizer(NamedTuple):
    """The paper does not say Adam's rate; here it is a tenth of the other's."""

    type: str
    batch_norm: bool
    rate: float


OPTIMIZERS = {
    'sgd': Optimizer('SGD', False, 0.001),
    'sgd_bn': Optimizer('SGD', True, 0.001),
    'adam': Optimizer('Adam', False, 0.0001),
    'adam_bn': Optimizer('Adam', True, 0.0001),
}


def recipes_of(weights: str, scaling: str) -> tuple[Recipe, ...]:
    """What is carried out, one after another."""
    if weights == 'msra':
        return MSRA
    source = 'keep' if weights in PRETRAINED else weights
    return (Recipe(source, *SCALINGS[scaling], options=BALANCED),)


def cell(weights: str, scaling: str, optimizer: str) -> Cell:
    name = f'{optimizer}-{scaling}-{weights}'
    settings = {'weights': weights, 'scaling': scaling, 'optimizer': optimizer, 'seed': SEED}
    return Cell(name, settings)


def cells_of_table_1() -> list[Cell]:
    """Those that have a number in the paper: with batch normalization, none of one scaling."""
    cells = []
    for optimizer, scaling, weights in product(OPTIMIZERS, SCALINGS, ('gaussian', 'kmeans')):
        if scaling in ('none', 'both') or not OPTIMIZERS[optimizer].batch_norm:
            cells.append(cell(weights, scaling, optimizer))
    return cells


# Of Table 2: weights and scaling of each row.
METHODS = {
    'Xavier': ('xavier', 'none'),
    'MSRA': ('msra', 'none'),
    'Gaussian, hand tuned': ('filler', 'none'),
    'Gaussian': ('gaussian', 'both'),
    'PCA': ('pca', 'both'),
    'k-means': ('kmeans', 'both'),
}


def cells_of_table_2() -> Sequence[Cell]:
    """All by stochastic gradient descent."""
    return [cell(weights, scaling, 'sgd') for weights, scaling in METHODS.values()]
