"""The initializations, scalings and optimizers of Krähenbühl et al. (2016), Tables 1 and 2."""

from typing import NamedTuple

from goodinit.initializers import Recipe

GAUSSIAN = Recipe('gaussian', 'none')
FILLER = Recipe('filler', 'none')
CONVOLUTIONS, INNER_PRODUCTS = r'conv\d', r'fc\d'


class Optimizer(NamedTuple):
    """How a net is trained."""

    type: str
    batch_norm: bool = False
    rate: float = 0.001


class Cell(NamedTuple):
    """A training: recipes that are carried out one after another, then steps of the optimizer."""

    recipes: tuple[Recipe, ...]
    optimizer: Optimizer


SCALINGS = {
    'none': ('none', 'none'),
    'within': ('within', 'none'),
    'between': ('none', 'exact'),
    'both': ('within', 'exact'),
}
WEIGHTS = ('gaussian', 'kmeans')
OPTIMIZERS = {
    'sgd': Optimizer('SGD'),
    'sgd_bn': Optimizer('SGD', batch_norm=True),
    'adam': Optimizer('Adam', rate=0.0001),
    'adam_bn': Optimizer('Adam', batch_norm=True, rate=0.0001),
}


def scaled(weights: str, scaling: str) -> tuple[Recipe, ...]:
    """Weights of a kind, rescaled within layers, between them, both or not at all."""
    return (Recipe(weights, *SCALINGS[scaling]),)


def table_1() -> dict[str, Cell]:
    """Each cell that has a number in the paper: with batch normalization there are none for a
    scaling alone."""
    cells = {}
    for optimizer_name, optimizer in OPTIMIZERS.items():
        for scaling in SCALINGS:
            if optimizer.batch_norm and scaling in ('within', 'between'):
                continue
            for weights in WEIGHTS:
                name = f'{weights}_{scaling}_{optimizer_name}'
                cells[name] = Cell(scaled(weights, scaling), optimizer)
    return cells


def table_2() -> dict[str, Cell]:
    """All by stochastic gradient descent. MSRA's is for the convolutions alone, as in the paper;
    the inner products are Gaussian."""
    recipes = {
        'xavier': (Recipe('xavier', 'none'),),
        'msra': (
            Recipe('msra', 'none', layers=CONVOLUTIONS),
            Recipe('gaussian', 'none', layers=INNER_PRODUCTS),
        ),
        'filler': (FILLER,),
        'gaussian_both_sgd': scaled('gaussian', 'both'),
        'pca': scaled('pca', 'both'),
        'kmeans_both_sgd': scaled('kmeans', 'both'),
    }
    sgd = OPTIMIZERS['sgd']
    return {name: Cell(parts, sgd) for name, parts in recipes.items()}


CELLS = {**table_1(), **table_2()}
