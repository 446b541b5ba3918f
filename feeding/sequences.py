"""Inputs of nets that read text or step through time: indices, and sequences with time first.

A recurrent layer reads x (T, N, ...), step t of N sequences, and flags (T, N) that are 0 where a
sequence starts. Data have their samples first, so here a sample is a sequence (T, ...).
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from ..initializers.walk import Batch
from ..netlib.data.stores import Arrays, Store
from ..netlib.errors import DataError
from ..netlib.layers import Layer
from ..netlib.layers.traits import Traits
from ..netlib.registry import layer_class
from ..netlib.shapes import Shape
from ..proto.caffe_pb2 import LayerParameter, NetParameter

Marks = dict[str, int]  # {blob: a number}


def index_limits(net: NetParameter) -> Marks:
    """The blobs that hold indices, and what these must stay below: the smallest input_dim of the
    Embed layers that read them."""
    return _read_as(net, lambda layer, bottom: layer.embed_param.input_dim)


def start_flags(net: NetParameter) -> set[str]:
    """The blobs that are 0 where a sequence starts, else 1."""
    return set(_read_as(net, lambda layer, bottom: int(bottom in _traits(layer).starts)))


def region_blobs(net: NetParameter) -> set[str]:
    """The blobs that hold regions of images."""
    return set(_read_as(net, lambda layer, bottom: int(bottom in _traits(layer).regions)))


def _traits(layer: LayerParameter) -> Traits:
    known: type[Layer] = layer_class(layer)
    return known.traits


def _read_as(net: NetParameter, mark: Callable[[LayerParameter, int], int]) -> Marks:
    """The blobs whose reader marks them with a number, if only through layers that move numbers;
    the smallest number of all readers."""
    found: Marks = {}

    def note(blob: str, number: int) -> None:
        if number:
            found[blob] = min(number, found.get(blob, number))

    for layer in reversed(net.layer):
        for i, blob in enumerate(layer.bottom):
            note(blob, mark(layer, i))
            if _traits(layer).moves:
                for top in layer.top:
                    note(blob, found.get(top, 0))
    return found


def time_first(shape: Shape, flags: Iterable[Shape]) -> bool:
    """Whether an input of this shape has its samples along axis 1, given the shapes (T, N) of the
    net's flags: sequences (T, N, ...), and states (1, N, ...)."""
    return any(shape[1:2] == each[1:2] and shape[0] in (1, each[0]) for each in flags)


def batch_axis(time: bool) -> int:
    return 1 if time else 0


def with_batch(shape: Shape, time: bool, batch: int) -> Shape:
    """The shape with another number of samples."""
    axis = batch_axis(time)
    return (*shape[:axis], batch, *shape[axis + 1 :])


def arranged(batch: Batch, times: Mapping[str, bool]) -> Batch:
    """A batch of samples with time first where the net wants it."""
    return {name: np.moveaxis(values, 0, batch_axis(times[name])) for name, values in batch.items()}


def flags_of(count: int, sample: Shape) -> np.ndarray:
    """The flags of whole sequences, (count, T): each starts at its first step."""
    flags = np.ones((count, *sample), np.float32)
    flags[:, :1] = 0
    return flags


def cut_sequences(store: Store, sample: Shape) -> Store:
    """The store with sequences as its samples, if it is an array with time first."""
    if not isinstance(store, Arrays):
        return store
    rows, steps = store.rows, sample[0]
    fits = rows.ndim == 1 + len(sample) and rows.shape[2:] == sample[1:]
    if not fits or rows.shape[1] == steps or len(rows) < steps:
        return store
    pieces = len(rows) // steps
    cut = rows[: pieces * steps].reshape(pieces, steps, *rows.shape[1:]).swapaxes(1, 2)
    sequences = cut.reshape(-1, *sample)
    return Arrays(f'{store.spec} (time first)', sequences, None, store.dtype)


def check_indices(name: str, values: np.ndarray, limit: int) -> None:
    """Raises DataError for indices that an Embed cannot read."""
    wrong = values[(values != np.floor(values)) | (values < 0) | (values >= limit)]
    if wrong.size:
        raise DataError(
            f"input '{name}': found {wrong[0]:g}, needed: whole numbers from 0 to {limit - 1}, "
            'since an Embed layer reads it (input_dim is one more)'
        )
