"""What a prototxt can name: layer types and fillers.

A new layer is a class in its own file, decorated with `@register` and named as the prototxt spells
it:

    @register
    class Swish(Layer):
        ...

A filler is a function `(shape, rng, param) -> array`; initializers/fillers.py registers Caffe's.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..proto.caffe_pb2 import FillerParameter, LayerParameter
from .errors import did_you_mean, layer_error
from .rng import Rng
from .shapes import Shape

Filler = Callable[[Shape, Rng, FillerParameter], np.ndarray]
LayerClass = TypeVar('LayerClass', bound=type)

LAYERS: dict[str, type[Any]] = {}
FILLERS: dict[str, Filler] = {}


def register(layer_class: LayerClass) -> LayerClass:
    """Register a Layer class under its own name."""
    LAYERS[layer_class.__name__] = layer_class
    return layer_class


def register_filler(name: str) -> Callable[[Filler], Filler]:
    """Register a filler under `name`."""

    def keep(function: Filler) -> Filler:
        FILLERS[name] = function
        return function

    return keep


def layer_class(param: LayerParameter) -> type[Any]:
    """The class named by the LayerParameter's `type`. Raises LayerError for an unknown type."""
    if param.type not in LAYERS:
        found = param.type or '(none given)'
        known = ', '.join(sorted(LAYERS))
        guess = did_you_mean(param.type, LAYERS)
        raise layer_error(param, f'Unknown layer type: {found}{guess} (known types: {known})')
    return LAYERS[param.type]
