"""What a prototxt can name: layer types and fillers.

A new layer is a class in a file of its own, with `@register` above it and its name as the prototxt
spells it:

    @register
    class Swish(Layer):
        ...

A filler is a function `(shape, rng, param) -> array`; initializers/fillers.py registers Caffe's.
"""

from collections.abc import Callable

from .errors import did_you_mean, layer_error

LAYERS: dict[str, type] = {}
FILLERS: dict[str, Callable] = {}


def register(layer_class: type) -> type:
    """Make a Layer class known under its own name."""
    LAYERS[layer_class.__name__] = layer_class
    return layer_class


def register_filler(name: str) -> Callable:
    """Make a filler known under `name`."""

    def keep(function: Callable) -> Callable:
        FILLERS[name] = function
        return function

    return keep


def layer_class(param) -> type:
    """The class that the LayerParameter's `type` names."""
    if param.type not in LAYERS:
        raise layer_error(
            param,
            f'Unknown layer type: {param.type or "(none given)"}'
            f'{did_you_mean(param.type, LAYERS)} (known types: {", ".join(sorted(LAYERS))})',
        )
    return LAYERS[param.type]
