"""Every error that a user's input can cause, and the one place that words them.

    layer 'conv2' (Convolution), model.prototxt:31: group: 3 must divide the 64 channels of bottom
    'pool1'

A message says what was found, what is needed and how to fix it. Tools print it as one line and
exit with status 1.
"""

import importlib
from collections.abc import Sequence
from types import ModuleType

from ..proto.caffe_pb2 import LayerParameter
from ..proto.errors import GoodinitError, ProtoError, did_you_mean, reason

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
    'listed',
    'reason',
]

MANY = 6  # longer lists of names are abbreviated


class NetError(GoodinitError):
    """The graph of layers is wrong: unknown bottoms, cycles, weights that do not fit."""


class LayerError(NetError):
    """One layer is wrong: its fields or the shapes of its bottoms."""


class DataError(GoodinitError):
    """A net's data are missing, unreadable or of the wrong shape."""


class SolverError(GoodinitError):
    """A solver's fields are wrong, or a snapshot is."""


class EngineError(GoodinitError):
    """An engine is missing, lacks an op, or computed something it must not."""


def layer_error(param: LayerParameter, message: str) -> LayerError:
    """A LayerError about the layer that the LayerParameter `param` describes."""
    where = f', {param.origin}' if param.origin else ''
    return LayerError(f"layer '{param.name}' ({param.type}){where}: {message}")


def import_extra(module: str, extra: str, or_else: str = '') -> ModuleType:
    """Import an optional module. The error names the `pip install` that provides it, and `or_else`
    says what to do if that fails."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise GoodinitError(
            f"this needs the package '{module.partition('.')[0]}' ({error}): "
            f"pip install 'goodinit[{extra}]'{or_else}"
        ) from error


def listed(names: Sequence[str]) -> str:
    """The names, or the first and last of many."""
    if len(names) > MANY:
        names = [*names[:4], '...', names[-1]]
    return ', '.join(names)
