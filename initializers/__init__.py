"""The initializers, of three visible kinds, and the one walk they share.

From a shape: fillers.py, orthonormal.py. From the samples that reach a layer: from_samples.py. Over
layers in order or the whole net: lsuv.py, within_layer.py, scale.py, between_layer.py. walk.py
takes a net layer by layer, recipe.py puts the parts together, measures.py says what came of it.
Imports proto and netlib; never solvers or tools.
"""

from .fillers import fill, fill_array
from .measures import Row, measure
from .orthonormal import orthonormal
from .recipe import PRESETS, Recipe, initialize
from .walk import walk

__all__ = [
    'PRESETS',
    'Recipe',
    'Row',
    'fill',
    'fill_array',
    'initialize',
    'measure',
    'orthonormal',
    'walk',
]
