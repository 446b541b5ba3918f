"""Net as pycaffe shows it: a net's blobs, layers and parameters by their order and by name, and its
passes."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from .. import netlib
from ..initializers import fill
from ..netlib import layers
from ..netlib.errors import NetError
from ..netlib.layers.host.memory_data import MemoryData
from ..netlib.layers.host.python import Python, views
from ..netlib.weights import hdf5 as hdf5_weights
from ..proto import write_weights
from ..solvers.solver_nets import share_weights
from .common import common

Arrays = Mapping[str, np.ndarray]


class Dict(OrderedDict):
    """An ordered dict that also answers to the names of Python 2."""

    def iterkeys(self):
        return iter(self)

    def itervalues(self):
        return iter(self.values())

    def iteritems(self):
        return iter(self.items())


class NetLayer:
    """A layer of a net, but for Python layers, which are themselves: its `type` and its parameters,
    `blobs`."""

    def __init__(self, layer: layers.Layer):
        self.type, self.blobs = layer.type, views(layer.params)


class Net:
    """A net, its parameters filled by their fillers, or by the caffemodel `weights`.

        Net(network_file, phase, level=0, stages=None, weights=None)
        Net(network_file, weights_file, phase)                          the older form

    `net` is the goodinit.Net that does the work. Raises RuntimeError for a file that cannot be
    opened, GoodinitError for one that makes no net.
    """

    def __init__(
        self,
        network_file: str,
        phase: int | str,
        level: int = 0,
        stages: Sequence[str] | None = None,
        weights: str | None = None,
    ):
        if isinstance(phase, str | os.PathLike):
            phase, weights, level = level, str(phase), 0
        for path in filter(None, (network_file, weights)):
            check_file(path)
        self._show(
            netlib.Net(
                network_file,
                int(phase),
                level=level,
                stages=stages or (),
                engine=common.engine,
                seed=common.seed(),
            )
        )
        fill(self.net, common.rng)
        if weights:
            self.copy_from(weights)

    @classmethod
    def of(cls, net: netlib.Net) -> Net:
        """A net that is there already, under this interface."""
        out = cls.__new__(cls)
        out._show(net)
        return out

    def _show(self, net):
        self.net = net
        self._blob_names, self._layer_names = list(net.blobs), net.layer_names
        self._blobs = views(net.blobs.values())
        self.blobs = Dict(zip(self._blob_names, self._blobs, strict=True))
        self.params = Dict((name, views(params)) for name, params in net.params.items())
        self.layers = [
            layer.user if isinstance(layer, Python) else NetLayer(layer) for layer in net.layers
        ]
        self.layer_dict = Dict(zip(self._layer_names, self.layers, strict=True))
        self.bottom_names = self._names_by_layer(net.bottoms)
        self.top_names = self._names_by_layer(net.tops)
        self.inputs, self.outputs = net.inputs, net.outputs
        weights = {
            top.name: weight
            for layer, tops in zip(net.layers, net.tops, strict=True)
            for top, weight in zip(tops, layer.loss_weights, strict=True)
        }
        self.blob_loss_weights = Dict((name, weights[name]) for name in net.blobs)

    def _names_by_layer(self, blobs):
        return Dict(
            (name, [b.name for b in listed])
            for name, listed in zip(self._layer_names, blobs, strict=True)
        )

    # -- by index

    @property
    def _inputs(self) -> list[int]:
        return self._ids(self.inputs)

    @property
    def _outputs(self) -> list[int]:
        return self._ids(self.outputs)

    @property
    def _blob_loss_weights(self) -> list[float]:
        return list(self.blob_loss_weights.values())

    def _bottom_ids(self, i: int) -> list[int]:
        return self._ids(blob.name for blob in self.net.bottoms[i])

    def _top_ids(self, i: int) -> list[int]:
        return self._ids(blob.name for blob in self.net.tops[i])

    def _ids(self, names: Iterable[str]) -> list[int]:
        return [self._blob_names.index(name) for name in names]

    # -- running

    def _forward(self, start: int, end: int) -> float:
        return self.net.forward(start, end)

    def _backward(self, start: int, end: int) -> None:
        self.net.backward(start, end)

    def forward(
        self,
        blobs: Sequence[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **inputs: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """Run the layers from `start` to `end`, with the input blobs set to `inputs` where these
        are given.

        Returns {name: data} of the net's outputs, or of the tops of `end`, and of `blobs`: views,
        not copies. Raises NetError where `inputs` are not all of the net's, or not of its batch
        size.
        """
        self._set(
            'data',
            inputs,
            self.inputs,
            'Input blob arguments do not match net inputs.',
            'Input is not batch sized',
        )
        self.net.forward(start, end)
        names = self.outputs if end is None else self.top_names[end]
        return Dict((name, self.blobs[name].data) for name in [*names, *(blobs or ())])

    def backward(
        self,
        diffs: Sequence[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **tops: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """Run the layers from `start` down to `end`, with the diffs of the output blobs set to
        `tops` where given.

        Returns {name: diff} of the net's inputs, or of the bottoms of `end`, and of `diffs`: views,
        not copies. Raises NetError where `tops` are not all of the net's outputs, or not of its
        batch size.
        """
        self._set(
            'diff',
            tops,
            self.outputs,
            'Top diff arguments do not match net outputs.',
            'Diff is not batch sized',
        )
        self.net.backward(start, end)
        names = self.inputs if end is None else self.bottom_names[end]
        return Dict((name, self.blobs[name].diff) for name in [*names, *(diffs or ())])

    def _set(
        self, half: str, arrays: Arrays, names: Sequence[str], mismatch: str, not_batch_sized: str
    ) -> None:
        if arrays and set(arrays) != set(names):
            raise NetError(
                f'{mismatch} Found {", ".join(arrays)}; needed {", ".join(names) or "none"}'
            )
        for name, array in arrays.items():
            if array.shape[0] != self.blobs[name].shape[0]:
                raise NetError(
                    f"{not_batch_sized}: found {array.shape[0]} for '{name}', needed "
                    f'{self.blobs[name].shape[0]}; reshape the blob, or use forward_all'
                )
            getattr(self.blobs[name], half)[...] = array

    def forward_all(
        self, blobs: Sequence[str] | None = None, **inputs: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Run forward over inputs of any number, batch by batch. Returns {name: array} as
        `forward`, copied."""
        found = Gathered()
        for batch in self._batch(inputs):
            found.add(self.forward(blobs, None, None, **batch))
        return found.arrays(inputs)

    def forward_backward_all(
        self,
        blobs: Sequence[str] | None = None,
        diffs: Sequence[str] | None = None,
        **arrays: np.ndarray,
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Run forward and backward over arrays of any number: inputs, and diffs of outputs.

        Returns what `forward` and what `backward` give, copied.
        """
        found, gradients = Gathered(), Gathered()
        batches = [
            self._batch({name: arrays[name] for name in names if name in arrays})
            for names in (self.inputs, self.outputs)
        ]
        for inputs, tops in zip_longest(*batches, fillvalue={}):
            found.add(self.forward(blobs, None, None, **inputs))
            gradients.add(self.backward(diffs, None, None, **tops))
        return found.arrays(arrays), gradients.arrays(arrays)

    def _batch(self, arrays: Arrays) -> Iterator[dict[str, np.ndarray]]:
        """The arrays cut into batches of the size of the first blob, the last one filled up with
        zeros."""
        size = self._blobs[0].num
        for begin in range(0, max(map(len, arrays.values()), default=0), size):
            parts = {
                name: np.asarray(array[begin : begin + size]) for name, array in arrays.items()
            }
            yield {
                name: np.concatenate(
                    [part, np.zeros((size - len(part), *part.shape[1:]), part.dtype)]
                )
                for name, part in parts.items()
            }

    def set_input_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        """What a MemoryData layer, the net's first, gives from now on. Raises NetError, DataError."""
        layer = self.net.layers[0]
        if not isinstance(layer, MemoryData):
            raise NetError(
                'set_input_arrays may only be called if the first layer is a MemoryDataLayer; '
                f'found {layer.type}'
            )
        layer.set_arrays(data, labels)

    _set_input_arrays = set_input_arrays

    def reshape(self) -> None:
        """Carry new shapes of the inputs through all layers."""
        self.net.reshape()

    def clear_param_diffs(self) -> None:
        self.net.clear_param_diffs()

    def before_forward(self, callback: Callable[[int], Any]) -> None:
        """Have callback(index of the layer) called before each layer's forward; the next three are
        alike."""
        self.net.before_forward.append(callback)

    def after_forward(self, callback: Callable[[int], Any]) -> None:
        self.net.after_forward.append(callback)

    def before_backward(self, callback: Callable[[int], Any]) -> None:
        self.net.before_backward.append(callback)

    def after_backward(self, callback: Callable[[int], Any]) -> None:
        self.net.after_backward.append(callback)

    # -- weights

    def copy_from(self, path: str) -> None:
        """Take the weights of a file, layer by layer of the same name. Raises GoodinitError."""
        self.net.copy_from(path)

    def share_with(self, other: Net) -> None:
        """Use the memory of the other net's parameters, layer by layer of the same name. Raises
        NetError."""
        share_weights(other.net, self.net)

    def save(self, path: str) -> None:
        """Write a caffemodel, whatever the name."""
        write_weights(self.net.to_proto(), path)

    def save_hdf5(self, path: str) -> None:
        hdf5_weights.write_hdf5(self.net, path)

    def load_hdf5(self, path: str) -> None:
        self.net.copy_from(hdf5_weights.read_hdf5(path))


class Gathered:
    """What batch after batch gives, by name."""

    def __init__(self):
        self.parts: dict[str, list[np.ndarray]] = {}

    def add(self, arrays: Arrays) -> None:
        for name, array in arrays.items():
            self.parts.setdefault(name, []).append(np.array(array, ndmin=1))

    def arrays(self, given: Arrays) -> Dict:
        """Each one whole, without what belongs to zeros behind the `given` arrays."""
        count = max(map(len, given.values()), default=0)
        return Dict((name, np.concatenate(parts)[:count]) for name, parts in self.parts.items())


def check_file(path: str) -> None:
    """Raises RuntimeError, as pycaffe does, for a file that cannot be read."""
    if not os.access(path, os.R_OK):
        raise RuntimeError(f'Could not open file {path}')
