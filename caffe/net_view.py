"""What caffe.Net shows of a net: blobs, layers and parameters, by their order and by name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from ..netlib import Net
from ..netlib.blob import Blob
from ..netlib.layers import Layer
from ..netlib.layers.host.python import Python, views

K = TypeVar('K')
V = TypeVar('V')


class Dict(OrderedDict[K, V]):
    """An ordered dict that also answers to the names of Python 2."""

    def iterkeys(self) -> Iterator[K]:
        return iter(self)

    def itervalues(self) -> Iterator[V]:
        return iter(self.values())

    def iteritems(self) -> Iterator[tuple[K, V]]:
        return iter(self.items())


class NetLayer:
    """A layer of a net: its `type` and its parameters, `blobs`. A Python layer is shown as the
    user's own object instead."""

    def __init__(self, layer: Layer):
        self.type = layer.type
        self.blobs = views(layer.params)


class NetView:
    """The parts of a net under pycaffe's names.

    `net` is the goodinit.Net. `blobs`, `params`, `layer_dict`, `bottom_names`, `top_names` and
    `blob_loss_weights` go by name; `layers`, and the names that begin with an underscore, by index.
    """

    def __init__(self, net: Net):
        self.net = net
        self.inputs = net.inputs
        self.outputs = net.outputs
        self._show_blobs()
        self._show_layers()

    def _show_blobs(self) -> None:
        net = self.net
        self._blob_names = list(net.blobs)
        self._blobs = views(net.blobs.values())
        self.blobs = Dict(zip(self._blob_names, self._blobs, strict=True))
        self.params = Dict((name, views(params)) for name, params in net.params.items())
        weights = _loss_weights(net)
        self.blob_loss_weights = Dict((name, weights[name]) for name in net.blobs)

    def _show_layers(self) -> None:
        net = self.net
        self._layer_names = net.layer_names
        self.layers: list[Any] = [
            layer.user if isinstance(layer, Python) else NetLayer(layer) for layer in net.layers
        ]
        self.layer_dict = Dict(zip(self._layer_names, self.layers, strict=True))
        self.bottom_names = self._names_by_layer(net.bottoms)
        self.top_names = self._names_by_layer(net.tops)

    def _names_by_layer(self, blobs: Sequence[Sequence[Blob]]) -> Dict[str, list[str]]:
        names: Dict[str, list[str]] = Dict()
        for layer, listed in zip(self._layer_names, blobs, strict=True):
            names[layer] = [blob.name for blob in listed]
        return names

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


def _loss_weights(net: Net) -> dict[str, float]:
    weights: dict[str, float] = {}
    for layer, _, top in net.steps:
        for blob, weight in zip(top, layer.loss_weights, strict=True):
            weights[blob.name] = weight
    return weights
