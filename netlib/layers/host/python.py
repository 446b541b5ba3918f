"""The layer that runs a user's Python class, and the class to derive from."""

import importlib
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from ...blob import Blob
from ...registry import register
from ..base import Layer
from ..traits import Traits

log = logging.getLogger(__name__)
_announced: set[str] = set()
_allowed = True


def allow(allowed: bool) -> None:
    """Whether nets may run the Python code that a prototxt names; if not, a net with a Python layer
    is a LayerError."""
    global _allowed
    _allowed = allowed


@contextmanager
def refused(when: bool = True) -> Iterator[None]:
    """Within the block, and where `when` is true, nets may not run Python code."""
    before = _allowed
    allow(before and not when)
    try:
        yield
    finally:
        allow(before)


def blame(error: BaseException) -> str:
    """Whose code raised an error: "layer 'x' (Python), net.prototxt:3: its code at layers.py:12";
    '' where it was not a Python layer's."""
    layer, file, at = None, '', 0
    for frame, line in traceback.walk_tb(error.__traceback__):
        here, owner = frame.f_code.co_filename, frame.f_locals.get('self')
        if here == __file__:
            if isinstance(owner, Python):
                layer, file = owner, ''
        elif layer is not None and file in ('', here) and 'importlib' not in here:
            file, at = here, line
    return (
        ''
        if layer is None
        else str(layer.error(f'its code at {file}:{at}' if file else 'its code'))
    )


class PythonLayer:
    """What a user's layer derives from; pycaffe's caffe.Layer.

    A subclass has setup(bottom, top), reshape(bottom, top), forward(bottom, top) and backward(top,
    propagate_down, bottom). They get lists of blobs as pycaffe shows them: `data` and `diff` are
    NumPy arrays on the host, to be written in place; `reshape(*shape)`, `shape`, `count`, and num,
    channels, height, width. `param_str` is the prototxt's, `phase` 0 in TRAIN and 1 in TEST.
    `blobs` holds the parameters: `blobs.add_blob(*shape)` in setup adds one. Backward overwrites
    the diffs of bottoms and adds to those of `blobs`.
    """

    type = 'Python'

    def __init__(self, layer: 'Python'):
        self.param_str, self.phase = layer.param.python_param.param_str, layer.phase
        self.blobs = Blobs(layer)

    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        raise NotImplementedError(f'{type(self).__name__} must have reshape(bottom, top)')

    def forward(self, bottom, top):
        raise NotImplementedError(f'{type(self).__name__} must have forward(bottom, top)')

    def backward(self, top, propagate_down, bottom):
        raise NotImplementedError(
            f'{type(self).__name__} must have backward(top, propagate_down, bottom)'
        )


@register
class Python(Layer):
    """y_k = whatever the class `layer` of the Python module `module` computes; PythonLayer says how

    The module is found as any import is: beside the running script, or in a folder of PYTHONPATH.
    It is code, and runs when the net is built: one line on the log says so, and `allow(False)`
    refuses it. What it raises comes through as it is. Source: BVLC Caffe's python_layer.
    """

    bottoms = tops = (0, None)
    traits = Traits(in_place=True)

    def setup(self, bottom, top):
        self.user = self.user_class()(self)
        self.user.setup(views(bottom), views(top))

    def user_class(self):
        p = self.param.python_param
        if not _allowed:
            raise self.error(
                f"module '{p.module}': Python layers run code, and are not allowed here"
            )
        try:
            module = importlib.import_module(p.module)
        except ImportError as error:
            raise self.error(
                f"module '{p.module}': {error}; put its folder on PYTHONPATH"
            ) from error
        found = getattr(module, p.layer, None)
        if not (isinstance(found, type) and issubclass(found, PythonLayer)):
            raise self.error(
                f"layer: module '{p.module}' has no class '{p.layer}' derived from PythonLayer"
            )
        if p.module not in _announced:
            _announced.add(p.module)
            log.warning(
                "layer '%s' runs Python code: %s", self.name, getattr(module, '__file__', p.module)
            )
        return found

    def reshape(self, bottom, top):
        self.user.reshape(views(bottom), views(top))

    def forward(self, bottom, top):
        self.user.forward(views(bottom), views(top))

    def backward(self, top, propagate_down, bottom):
        self.user.backward(views(top), list(propagate_down), views(bottom))


class View:
    """A blob as pycaffe shows it: Blob, with the old names of the first four axes (1 where there is
    none)."""

    __slots__ = ('_blob',)  # so that `top[0].data = x` is an error, not lost

    def __init__(self, blob: Blob):
        self._blob = blob

    def __getattr__(self, name):
        return getattr(self._blob, name)

    num = property(lambda self: self._extent(0))
    channels = property(lambda self: self._extent(1))
    height = property(lambda self: self._extent(2))
    width = property(lambda self: self._extent(3))

    def _extent(self, axis):
        return self._blob.shape[axis] if axis < self._blob.axes else 1


def views(blobs):
    return [View(blob) for blob in blobs]


class Blobs:
    """The parameters of a Python layer: a list to which setup adds."""

    def __init__(self, layer: Layer):
        self._layer = layer

    def add_blob(self, *shape: int) -> None:
        self._layer.add_param(shape)

    def __len__(self):
        return len(self._layer.params)

    def __getitem__(self, i):
        return self._layer.params[i]
