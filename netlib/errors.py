"""Everything that can go wrong because of what a user gave, and the one place that words it.

    layer 'conv2' (Convolution), model.prototxt:31: group: 3 must divide the 64 channels of bottom
    'pool1'

A message says what was found, what is needed and the way out. Tools print it as one line and exit
with status 1.
"""

import importlib
from types import ModuleType

from ..proto.caffe_pb2 import LayerParameter
from ..proto.errors import GoodinitError, ProtoError, did_you_mean

__all__ = [
    'DataError',
    'EngineError',
    'GoodinitError',
    'LayerError',
    'NetError',
    'ProtoError',
    'SolverError',
    'layer_error',
    'did_you_mean',
    'import_extra',
]


class NetError(GoodinitError):
    """The graph of layers is wrong: unknown bottoms, cycles, weights that do not fit."""


class LayerError(NetError):
    """One layer is wrong: its fields or the shapes of its bottoms."""


class DataError(GoodinitError):
    """What should feed a net is missing, unreadable or of the wrong shape."""


class SolverError(GoodinitError):
    """A solver's fields or a snapshot are wrong."""


class EngineError(GoodinitError):
    """An engine is missing, lacks an op, or computed something that it must not."""


def layer_error(param: LayerParameter, message: str) -> LayerError:
    """A LayerError about the layer that the LayerParameter `param` describes."""
    where = f', {param.origin}' if param.origin else ''
    return LayerError(f"layer '{param.name}' ({param.type}){where}: {message}")


def import_extra(module: str, extra: str, or_else: str = '') -> ModuleType:
    """Import an optional module, or say which `pip install` brings it, and what to do where that
    does not."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise GoodinitError(
            f"this needs the package '{module.partition('.')[0]}' ({error}): "
            f"pip install 'goodinit[{extra}]'{or_else}"
        ) from error
