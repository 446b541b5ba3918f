"""The layer that runs a user's Python class, and the class to derive from."""

import importlib
import logging
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from ...blob import Blob, Param
from ...errors import DataError
from ...registry import register
from ...shapes import Shape
from ..base import Blobs, Flags, Layer
from ..traits import Traits
from .shared.errors import data_error

log = logging.getLogger(__name__)
_announced: set[str] = set()
_allowed = True


def allow(allowed: bool) -> None:
    """Set whether nets may run the Python code that a prototxt names. If not, a net with a Python
    layer raises LayerError."""
    global _allowed
    _allowed = allowed


@contextmanager
def refused(when: bool = True) -> Iterator[None]:
    """A context in which nets may not run Python code, if `when` is true."""
    before = _allowed
    allow(before and not when)
    try:
        yield
    finally:
        allow(before)


def blame(error: BaseException) -> str:
    """Whose code raised an error: "layer 'x' (Python), net.prototxt:3: its code at layers.py:12";
    '' if it was not a Python layer's."""
    layer: Python | None = None
    user_file = ''  # the first file that the layer calls
    user_line = 0
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        owner = frame.f_locals.get('self')
        if file == __file__:
            if isinstance(owner, Python):
                layer = owner
                user_file = ''
        elif layer is not None and user_file in ('', file) and 'importlib' not in file:
            user_file = file
            user_line = line
    if layer is None:
        return ''
    place = f' at {user_file}:{user_line}' if user_file else ''
    return str(layer.error(f'its code{place}'))


class PythonLayer:
    """The base class of a user's layer; pycaffe's caffe.Layer.

    A subclass has setup(bottom, top), reshape(bottom, top), forward(bottom, top) and backward(top,
    propagate_down, bottom). They receive lists of blobs with pycaffe's attributes: `data` and
    `diff`, NumPy arrays on the host to be written in place; `reshape(*shape)`, `shape`, `count`;
    and num, channels, height, width. `param_str` comes from the prototxt; `phase` is 0 in TRAIN and
    1 in TEST.
    `blobs` holds the parameters: `blobs.add_blob(*shape)` in setup adds one. Backward overwrites
    the diffs of bottoms and adds to those of `blobs`.

    Beyond pycaffe: `rng` is the layer's own generator. A layer with a position in its data has
    state() and restore(state), so that training goes on from a snapshot as if it had never stopped.
    `blobs.add_statistic(*shape)` adds a parameter that the layer sets itself: weights files hold
    it, and training leaves it alone.
    """

    type = 'Python'

    def __init__(self, layer: 'Python'):
        self.param_str = layer.param.python_param.param_str
        self.phase = layer.phase
        self.rng = layer.rng
        self.blobs = ParamList(layer)

    def setup(self, bottom: Sequence['View'], top: Sequence['View']) -> None:
        pass

    def reshape(self, bottom: Sequence['View'], top: Sequence['View']) -> None:
        raise NotImplementedError(f'{type(self).__name__} must have reshape(bottom, top)')

    def forward(self, bottom: Sequence['View'], top: Sequence['View']) -> None:
        raise NotImplementedError(f'{type(self).__name__} must have forward(bottom, top)')

    def backward(
        self, top: Sequence['View'], propagate_down: Flags, bottom: Sequence['View']
    ) -> None:
        raise NotImplementedError(
            f'{type(self).__name__} must have backward(top, propagate_down, bottom)'
        )

    def shapes_without_data(self) -> list[Shape]:
        """The shapes of the tops of a layer whose data are missing, for a look at its net: such as
        they would be. Empty if the layer cannot tell."""
        return []

    def state(self) -> dict[str, Any]:
        """What the next forward depends on besides bottoms, `blobs` and `rng`: a dict of numbers,
        strings, arrays, and lists and dicts of these."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a result of `state`."""


@register
class Python(Layer):
    """y_k = the result of the class `layer` in the Python module `module`, derived from PythonLayer

    The module is found like any import: next to the running script, or in a folder of PYTHONPATH.
    Its code runs when the net is built. A line in the log says so, and `allow(False)` forbids it.
    Its exceptions pass through unchanged, except that a DataError gets the layer's name. Source:
    BVLC Caffe's python_layer.
    """

    bottoms = (0, None)
    tops = (0, None)
    traits = Traits(in_place=True)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        self.user = self.user_class()(self)
        with self.named():
            self.user.setup(views(bottom), views(top))

    def user_class(self) -> type[PythonLayer]:
        """The class that the prototxt names. Raises LayerError."""
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
        self.announce(module)
        return found

    def shapes_without_data(self) -> list[Shape]:
        """The shapes of the tops if data are missing; empty where they are not known."""
        return self.user_class()(self).shapes_without_data()

    def announce(self, module: ModuleType) -> None:
        """Log, once per module, that its code runs."""
        name = self.param.python_param.module
        if name not in _announced:
            _announced.add(name)
            file = getattr(module, '__file__', name)
            log.warning("layer '%s' runs Python code: %s", self.name, file)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        self.user.reshape(views(bottom), views(top))

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        with self.named():
            self.user.forward(views(bottom), views(top))

    @contextmanager
    def named(self) -> Iterator[None]:
        """A context in which a DataError gets the layer's name."""
        try:
            yield
        except DataError as error:
            raise data_error(self, str(error)) from error

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.user.backward(views(top), list(propagate_down), views(bottom))

    # Of the class, not the object: a layer written for BVLC may keep something by these names.

    def state(self) -> dict[str, Any]:
        return {**super().state(), 'user': type(self.user).state(self.user)}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        mine = state.get('user', {})  # snapshots of earlier versions have none
        type(self.user).restore(self.user, mine)


class View:
    """A blob with pycaffe's attributes: a Blob with the old names of the first four axes (1 for a
    missing axis)."""

    __slots__ = ('_blob',)  # makes `top[0].data = x` an error, rather than a no-op

    def __init__(self, blob: Blob):
        self._blob = blob

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blob, name)

    num = property(lambda self: self._extent(0))
    channels = property(lambda self: self._extent(1))
    height = property(lambda self: self._extent(2))
    width = property(lambda self: self._extent(3))

    def _extent(self, axis: int) -> int:
        return self._blob.shape[axis] if axis < self._blob.axes else 1


def views(blobs: Iterable[Blob]) -> list[View]:
    """The blobs with pycaffe's attributes."""
    return [View(blob) for blob in blobs]


class ParamList:
    """The parameters of a Python layer: a list to which setup adds."""

    def __init__(self, layer: Layer):
        self._layer = layer

    def add_blob(self, *shape: int) -> None:
        self._layer.add_param(shape)

    def add_statistic(self, *shape: int) -> None:
        """Add a parameter that the layer sets itself, and training leaves alone."""
        specs = self._layer.param.param
        param = self._layer.add_param(shape)
        param.is_statistic = param.is_preset = True
        while len(specs) < len(self):
            specs.add()
        specs[-1].lr_mult = specs[-1].decay_mult = 0

    def __len__(self) -> int:
        return len(self._layer.params)

    def __getitem__(self, i: int) -> Param:
        return self._layer.params[i]
