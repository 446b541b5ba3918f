"""Copies weights from a message into the layers of a net."""

from __future__ import annotations

from math import prod
from pathlib import Path

from ...proto import ProtoError, blob_shape, blob_to_array
from ...proto import caffe_pb2 as pb
from ..blob import Param
from ..errors import NetError
from ..layers import Layer
from .fork_batch_norm import STATISTICS, scales_separated
from .formats import LayeredNet, read_weights_file


def copy_weights(net: LayeredNet, source: str | Path | pb.NetParameter) -> list[str]:
    """Copy weights into layers of the same name; returns the layer names that the net lacks.

    Layers that the source lacks keep their weights. Raises NetError if a layer's number or shapes
    of blobs differ or a blob is damaged, ProtoError for a file that cannot be read.
    """
    if isinstance(source, pb.NetParameter):
        file, saved = '', scales_separated(source, net.layers)
    else:
        file, saved = f'{source}: ', read_weights_file(source, net)
    layers = {layer.name: layer for layer in reversed(net.layers)}
    unknown = []
    for layer in saved.layer:
        if layer.name in layers:
            copy_layer(layers[layer.name], layer, file)
        else:
            unknown.append(layer.name)
    return unknown


def copy_layer(layer: Layer, saved: pb.LayerParameter, file: str) -> None:
    """Copy the blobs of one layer; error messages start with `file`."""
    stored = {i: blob for i, blob in enumerate(saved.blobs) if blob.ListFields()}
    # HDF5 leaves out blobs that share their owner's memory.
    required = set()
    for i, param in enumerate(layer.params):
        if param.owner is param and not param.is_preset:
            required.add(i)
    possible = set(range(len(layer.params)))
    if not required <= stored.keys() <= possible:
        raise NetError(
            f'{file}Incompatible number of blobs for layer {layer.name}: the file has '
            f'{len(stored)}, the net {len(layer.params)}{hint(layer, len(stored))}'
        )
    for i, blob in stored.items():
        if not same_shape(blob, layer.params[i]):
            raise shape_mismatch(layer, i, blob, file)
        try:
            values = blob_to_array(blob)
        except ProtoError as error:
            raise NetError(f"{file}layer '{layer.name}', param {i}: {error}") from error
        layer.params[i].data = values.reshape(layer.params[i].shape)


def hint(layer: Layer, stored: int) -> str:
    """What may explain so many blobs."""
    if layer.param.type == 'BatchNorm' and stored > STATISTICS:
        return (
            ". A BatchNorm of NVIDIA's or Intel's fork also learns a scale and a bias, which "
            'scale_bias: true in batch_norm_param says, or a Scale layer after it'
        )
    return ''


def same_shape(blob: pb.BlobProto, param: Param) -> bool:
    """Whether the blob has the parameter's shape; an old four-axis shape may begin with ones."""
    shape = blob_shape(blob)
    if shape == param.shape:
        return True
    legacy = len(shape) == 4 and not blob.HasField('shape')
    return legacy and shape == (1,) * (4 - param.axes) + param.shape


def shape_mismatch(layer: Layer, i: int, blob: pb.BlobProto, file: str) -> NetError:
    """Caffe's words for a shape mismatch."""
    shape = blob_shape(blob)
    found = f'{" ".join(map(str, shape))} ({prod(shape)})'
    return NetError(
        f"{file}Cannot copy param {i} weights from layer '{layer.name}'; shape mismatch.  "
        f'Source param shape is {found}; target param shape is {layer.params[i].shape_text}. '
        "To learn this layer's parameters from scratch rather than copying from a saved net, "
        'rename the layer.'
    )
