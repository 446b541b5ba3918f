"""caffe.Net: a net as pycaffe shows it, and its passes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from .. import netlib
from ..initializers import fill
from ..netlib.errors import NetError
from ..netlib.layers.host.memory_data import MemoryData
from ..netlib.weights import hdf5
from ..proto import write_weights
from ..solvers.solver_nets import share_weights
from .batches import Arrays, Gathered, batches_of, length
from .common import common
from .net_view import Dict, NetView

# What is said of arrays for other blobs, and of arrays of another batch size.
INPUT_ERRORS = ('Input blob arguments do not match net inputs.', 'Input is not batch sized')
DIFF_ERRORS = ('Top diff arguments do not match net outputs.', 'Diff is not batch sized')


class Net(NetView):
    """A net, its parameters filled by their fillers, or copied from the caffemodel `weights`.

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
            weights = str(phase)
            phase = level
            level = 0
        check_file(network_file)
        if weights:
            check_file(weights)
        net = netlib.Net(
            network_file,
            int(phase),
            level=level,
            stages=stages or (),
            engine=common.engine,
            seed=common.seed(),
        )
        super().__init__(net)
        fill(net, common.rng)
        if weights:
            self.copy_from(weights)

    @classmethod
    def of(cls, net: netlib.Net) -> Net:
        """An existing net under this interface."""
        out = cls.__new__(cls)
        NetView.__init__(out, net)
        return out

    # -- one batch

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
        self._set('data', inputs, self.inputs, *INPUT_ERRORS)
        self.net.run(start, end)
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
        self._set('diff', tops, self.outputs, *DIFF_ERRORS)
        self.net.backward(start, end)
        names = self.inputs if end is None else self.bottom_names[end]
        return Dict((name, self.blobs[name].diff) for name in [*names, *(diffs or ())])

    def _set(
        self, half: str, arrays: Arrays, names: Sequence[str], mismatch: str, not_batch_sized: str
    ) -> None:
        if arrays and set(arrays) != set(names):
            needed = ', '.join(names) or 'none'
            raise NetError(f'{mismatch} Found {", ".join(arrays)}; needed {needed}')
        for name, array in arrays.items():
            size = self.blobs[name].shape[0]
            if array.shape[0] != size:
                raise NetError(
                    f"{not_batch_sized}: found {array.shape[0]} for '{name}', needed {size}; "
                    'reshape the blob, or use forward_all'
                )
            getattr(self.blobs[name], half)[...] = array

    def _forward(self, start: int, end: int) -> float:
        return float(self.net.run(start, end))

    def _backward(self, start: int, end: int) -> None:
        self.net.backward(start, end)

    # -- inputs of any number

    def forward_all(
        self, blobs: Sequence[str] | None = None, **inputs: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Run forward over inputs of any number, batch by batch. Returns {name: array} as
        `forward`, copied."""
        found = Gathered()
        for batch in self._batches(inputs):
            found.add(self.forward(blobs, None, None, **batch))
        return found.arrays(length(inputs))

    def forward_backward_all(
        self,
        blobs: Sequence[str] | None = None,
        diffs: Sequence[str] | None = None,
        **arrays: np.ndarray,
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Run forward and backward over arrays of any number: inputs, and diffs of outputs.

        Returns what `forward` gives and what `backward` gives, copied.
        """
        inputs = {name: arrays[name] for name in self.inputs if name in arrays}
        tops = {name: arrays[name] for name in self.outputs if name in arrays}
        batches = (self._batches(inputs), self._batches(tops))
        found = Gathered()
        gradients = Gathered()
        nothing: dict[str, np.ndarray] = {}
        for batch, top_diffs in zip_longest(*batches, fillvalue=nothing):
            found.add(self.forward(blobs, None, None, **batch))
            gradients.add(self.backward(diffs, None, None, **top_diffs))
        count = length(arrays)
        return found.arrays(count), gradients.arrays(count)

    def _batches(self, arrays: Arrays) -> Iterator[dict[str, np.ndarray]]:
        return batches_of(arrays, self._blobs[0].num)

    # -- around the passes

    def set_input_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Set what a MemoryData layer, the net's first, gives from now on. Raises NetError,
        DataError."""
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
        """Copy the weights of a file, layer by layer of the same name. Raises GoodinitError."""
        self.net.copy_from(path)

    def share_with(self, other: Net) -> None:
        """Use the memory of the other net's parameters, layer by layer of the same name. Raises
        NetError."""
        share_weights(other.net, self.net)

    def save(self, path: str) -> None:
        """Write a caffemodel, whatever the name."""
        write_weights(self.net.to_proto(), path)

    def save_hdf5(self, path: str) -> None:
        hdf5.write_hdf5(self.net, path)

    def load_hdf5(self, path: str) -> None:
        self.net.copy_from(hdf5.read_hdf5(path))


def check_file(path: str) -> None:
    """Raises RuntimeError, as pycaffe does, for a file that cannot be read."""
    if not os.access(path, os.R_OK):
        raise RuntimeError(f'Could not open file {path}')
