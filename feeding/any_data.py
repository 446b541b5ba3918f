"""Data as programs have them, whatever their form, as a Feed for a net."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..initializers.walk import Batch
from ..netlib import Net
from ..netlib.data.samples import Mean, fit_mean
from ..netlib.errors import DataError
from ..netlib.shapes import dimensions
from .data_layers import label_blobs
from .feed import Feed
from .net_inputs import BATCH_SIZE
from .opening import open_data
from .transform import Transform, channel_means

NEEDED = (
    'needed: an array (N, C, H, W), a pair of samples and labels, batches {blob: array}, '
    'a path, or what goodinit.open_data returns'
)
MOST_BATCHES = 8  # of BATCH_SIZE samples that are taken of an array


def feed_of(
    net: Net, data: Any, mean: Mean = None, scale: float | None = None, seed: int = 0
) -> Feed:
    """A Feed from a Feed, a path, an array (N, ...), a tuple (samples, labels), a batch {blob:
    values}, or a list or iterator of batches, each one of these.

    Of a path one batch of BATCH_SIZE samples is taken, as `goodinit init` does; of an array at most
    MOST_BATCHES. `seed` chooses them. mean, scale: as for `goodinit.open_data`. Raises
    GoodinitError for what does not fit the net.
    """
    if isinstance(data, Feed):
        if mean is not None or scale is not None:
            raise DataError('mean, scale: give them to goodinit.open_data, which made these data')
        return data
    if isinstance(data, str | Path):
        return open_data(data, net, mean=mean, scale=scale, seed=seed)
    if isinstance(data, tuple) or is_array(data):
        return _from_arrays(net, data, mean, scale, seed)
    if isinstance(data, Mapping):
        data = [data]
    if not isinstance(data, Iterable):
        raise DataError(f'data: found {type(data).__name__}, {NEEDED}')
    batches = [_batch(net, each, f'batch {i}') for i, each in enumerate(data)]
    if not batches:
        raise DataError(f'data: found no batch, {NEEDED}')
    return _from_batches(net, batches, mean, scale)


def is_array(data: Any) -> bool:
    """Whether NumPy can make an array of it, as of PyTorch's tensors."""
    return hasattr(data, '__array__')


def _from_arrays(net: Net, data: Any, mean: Mean, scale: float | None, seed: int) -> Feed:
    """As many batches as hold the samples, all of one size."""
    arrays = [_array(each, 'data') for each in (data if isinstance(data, tuple) else [data])]
    if len(arrays) > 2:
        raise DataError(f'data: found a tuple of {len(arrays)}, {NEEDED}')
    count = len(arrays[0]) if arrays and arrays[0].ndim else 0
    if not count:
        raise DataError(f'data: found no samples, {NEEDED}')
    batches = min(-(-count // BATCH_SIZE), MOST_BATCHES)
    given = arrays[0] if len(arrays) == 1 else tuple(arrays)
    size = min(count // batches, BATCH_SIZE)
    return open_data(
        given, net, mean=mean, scale=scale, seed=seed, batch_size=size, batches=batches
    )


def _array(values: Any, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in 'biuf':
        raise DataError(f'{name}: found an array of {array.dtype}, needed: numbers')
    return array


def _batch(net: Net, given: Any, name: str) -> Batch:
    """One batch by the names of the net's inputs. Labels that are not given are zero."""
    inputs = net.inputs
    labels = label_blobs(net.param)
    if not isinstance(given, Mapping):
        parts = given if isinstance(given, list | tuple) else [given]
        if not all(is_array(part) for part in parts) or len(parts) > len(inputs):
            raise DataError(f'{name}: found {type(given).__name__}, {NEEDED}')
        order = sorted(inputs, key=lambda blob: blob in labels)
        given = dict(zip(order, parts, strict=False))
    batch = {}
    for blob, values in given.items():
        if blob not in inputs:
            known = ', '.join(inputs) or 'none: its data layers feed it'
            raise DataError(f"{name}: found '{blob}', needed: inputs of the net ({known})")
        batch[blob] = _array(values, f"{name}: '{blob}'")
        _check_shape(net, blob, batch[blob], name)
    missing = [blob for blob in inputs if blob not in batch and blob not in labels]
    if missing:
        raise DataError(f"{name}: lacks '{missing[0]}', an input of the net")
    count = len(next(iter(batch.values()))) if batch else 0
    for blob in inputs:
        if blob not in batch:
            batch[blob] = np.zeros((count, *net.blobs[blob].shape[1:]), np.float32)
    return batch


def _check_shape(net: Net, blob: str, values: np.ndarray, name: str) -> None:
    """Raises DataError for values of another number of axes or channels, or without samples."""
    needed = net.blobs[blob].shape
    fits = values.ndim == len(needed) and values.size and values.shape[1:2] == needed[1:2]
    if not fits:
        shape = ', '.join(map(str, needed[1:]))
        comma = ', ' if shape else ','
        raise DataError(
            f"{name}: '{blob}' is {dimensions(values.shape) or 'a number'}; "
            f'the net needs (N{comma}{shape})'
        )


def _from_batches(net: Net, batches: list[Batch], mean: Mean, scale: float | None) -> Feed:
    labels = label_blobs(net.param) & set(net.inputs)
    factor = 1.0 if scale is None else scale
    transforms = {}
    for name in set(net.inputs) - labels:
        transforms[name] = Transform(channel_means(mean), factor)
        for batch in batches:
            values = batch[name]
            if mean is not None or scale is not None:
                batch[name] = (values - fit_mean(mean, values.shape[1:])) * np.float32(factor)
    found = Feed(batches, 'batches', labels=labels, transforms=transforms)
    found.clip_labels(net)
    return found
