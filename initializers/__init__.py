"""The initializers, and the one walk they share.

kinds.py defines initializers, and has all of them by name. From a shape: from_shape/. From the
samples that reach a layer: from_samples/. Layer by layer: by_layer/. On the whole net: whole_net/.
Where residual branches meet: residual/. Moments without data: analytic/.
recipe.py combines them, initialize.py carries out a recipe in one walk (walk.py takes a net layer
by layer), and measures.py reports the result. Imports proto and netlib; never solvers or tools.
"""

from .from_shape.filler import fill, fill_array
from .from_shape.orthonormal import orthonormal
from .initialize import initialize
from .kinds import INITIALIZERS, Option, all_options, initializer, of_kind
from .measures import Row, measure
from .recipe import PRESETS, Recipe
from .walk import walk

__all__ = [
    'INITIALIZERS',
    'PRESETS',
    'Option',
    'Recipe',
    'Row',
    'all_options',
    'fill',
    'fill_array',
    'initialize',
    'initializer',
    'measure',
    'of_kind',
    'orthonormal',
    'walk',
]
