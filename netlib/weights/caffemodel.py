"""Weights as a caffemodel: the message NetParameter, its layers with their blobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...proto import array_to_blob, read_weights, serialized_blob, write_weights
from ...proto import caffe_pb2 as pb
from ..blob import Param
from .formats import Format, LayeredNet, Source, register_format


def layers_of(net: LayeredNet) -> pb.NetParameter:
    """The net's layers as a caffemodel stores them, without the weights."""
    out = pb.NetParameter(name=net.name)
    for layer in net.layers:
        saved = out.layer.add()
        saved.CopyFrom(layer.param)
        saved.ClearField('origin')
        saved.ClearField('blobs')
    return out


def to_proto(
    net: LayeredNet, diffs: bool = False, layers: pb.NetParameter | None = None
) -> pb.NetParameter:
    """`layers`, or by default the net's own, with its weights added."""
    out = layers or layers_of(net)
    for layer, saved in zip(net.layers, out.layer, strict=True):
        for param in layer.params:
            array_to_blob(*arrays(param, diffs), saved.blobs.add())
    return out


def write_caffemodel(
    net: LayeredNet, path: Source, diffs: bool = False, layers: pb.NetParameter | None = None
) -> None:
    """Write the message of `to_proto` blob by blob, without holding all of it in memory."""
    write_weights(layers or layers_of(net), Path(path), serialized_blobs(net, diffs))


def serialized_blobs(net: LayeredNet, diffs: bool) -> Iterator[list[list[bytes | memoryview]]]:
    """The blobs of each layer as they are in the file."""
    for layer in net.layers:
        yield [serialized_blob(*arrays(param, diffs)) for param in layer.params]


def arrays(param: Param, diffs: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """The values, and the diffs if wanted."""
    return param.values.array(), param.diffs.array() if diffs else None


register_format(Format('caffemodel', ('.caffemodel',), read=read_weights, write=write_caffemodel))
