"""A net's parameters: who shares with whom, and their way from and to files."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...proto import (
    array_to_blob,
    blob_shape,
    blob_to_array,
    read_weights,
    serialized_blob,
    write_weights,
)
from ...proto import caffe_pb2 as pb
from ..blob import Param
from ..errors import NetError, import_extra
from ..layers import Layer
from . import hdf5 as hdf5_weights

if TYPE_CHECKING:
    from ..net import Net


def configure(layer: Layer, owners: dict[str, Param]) -> None:
    """Give the layer's parameters what its `param` fields say: rates, and the owner that a name
    stands for.

    `owners` maps the names met so far to the first parameter of that name; later ones use its
    memory.
    """
    specs = list(layer.param.param)
    if len(specs) > len(layer.params):
        raise layer.error(
            f'Too many params specified for layer {layer.name}: found {len(specs)}, '
            f'it has {len(layer.params)} parameter blobs'
        )
    for param, spec in zip(layer.params, specs, strict=False):
        param.lr_mult, param.decay_mult = spec.lr_mult, spec.decay_mult
        param.learns = spec.lr_mult != 0
        if spec.name in owners:
            _share(layer, param, spec, owners[spec.name])
        elif spec.name:
            owners[spec.name] = param
            param.spec = spec


def _share(layer, param, spec, owner):
    who = f"Cannot share param '{spec.name}' owned by {owner.name} with layer '{layer.name}'; "
    if spec.share_mode == spec.PERMISSIVE:
        if param.count != owner.count:
            raise layer.error(
                f'{who}count mismatch. Owner layer param shape is {owner.shape_text}; '
                f'sharing layer shape is {param.shape_text}'
            )
    elif param.shape != owner.shape:
        raise layer.error(
            f'{who}shape mismatch. Owner layer param shape is {owner.shape_text}; '
            f'sharing layer expects shape {param.shape_text}'
        )
    for mult in ('lr_mult', 'decay_mult'):
        if spec.HasField(mult) and owner.spec.HasField(mult):
            if getattr(spec, mult) != getattr(owner.spec, mult):
                raise layer.error(
                    f"Shared param '{spec.name}' has mismatched {mult}: {getattr(spec, mult):g}, "
                    f'its owner says {getattr(owner.spec, mult):g}'
                )
        elif spec.HasField(mult):
            setattr(owner, mult, getattr(spec, mult))
            owner.spec.MergeFrom(pb.ParamSpec(**{mult: getattr(spec, mult)}))
    param.owner = owner
    param.share(owner)


def read_file(path: str | Path) -> pb.NetParameter:
    """The layers and their blobs of a caffemodel or of weights in HDF5, as its name or its first
    bytes say.

    Raises ProtoError for a file that is missing, damaged, or something else.
    """
    return hdf5_weights.read(path) if hdf5_weights.is_hdf5(path) else read_weights(path)


def copy_from(net: Net, source: str | Path | pb.NetParameter) -> list[str]:
    file = '' if isinstance(source, pb.NetParameter) else f'{source}: '
    saved = source if isinstance(source, pb.NetParameter) else read_file(source)
    layers = {layer.name: layer for layer in reversed(net.layers)}
    unknown = []
    for layer in saved.layer:
        if layer.name not in layers:
            unknown.append(layer.name)
            continue
        params = layers[layer.name].params
        stored = {i: blob for i, blob in enumerate(layer.blobs) if blob.ListFields()}
        # HDF5 leaves out what shares its owner's memory.
        required = {i for i, param in enumerate(params) if param.owner is param}
        if not required <= stored.keys() <= set(range(len(params))):
            raise NetError(
                f'{file}Incompatible number of blobs for layer {layer.name}: the file has '
                f'{len(stored)}, the net {len(params)}'
            )
        for i, blob in stored.items():
            _copy_blob(file, layer.name, i, params[i], blob)
    return unknown


def _copy_blob(file, layer, i, param, blob):
    shape = blob_shape(blob)
    legacy = not blob.HasField('shape') and len(shape) == 4
    if shape != param.shape and not (legacy and shape == (1,) * (4 - param.axes) + param.shape):
        found = f'{" ".join(map(str, shape))} ({prod(shape)})'
        raise NetError(
            f"{file}Cannot copy param {i} weights from layer '{layer}'; shape mismatch.  "
            f'Source param shape is {found}; target param shape is {param.shape_text}. '
            "To learn this layer's parameters from scratch rather than copying from a saved net, "
            'rename the layer.'
        )
    param.data = blob_to_array(blob).reshape(param.shape)


def layers_of(net: Net) -> pb.NetParameter:
    """The net's layers as a caffemodel holds them, but for the weights."""
    out = pb.NetParameter(name=net.name)
    for layer in net.layers:
        saved = out.layer.add()
        saved.CopyFrom(layer.param)
        saved.ClearField('origin')
        saved.ClearField('blobs')
    return out


def to_proto(
    net: Net, diffs: bool = False, layers: pb.NetParameter | None = None
) -> pb.NetParameter:
    """`layers`, or else the net's own, with its weights put in."""
    out = layers or layers_of(net)
    for layer, saved in zip(net.layers, out.layer, strict=True):
        for param in layer.params:
            array_to_blob(*_arrays(param, diffs), saved.blobs.add())
    return out


def save(
    net: Net, path: str | Path, diffs: bool = False, layers: pb.NetParameter | None = None
) -> None:
    """Write what `to_proto` gives, without the copy that it is, or as .h5 HDF5."""
    if hdf5_weights.named_hdf5(path):
        hdf5_weights.write(net, path, diffs)
    else:
        blobs = (
            [serialized_blob(*_arrays(param, diffs)) for param in layer.params]
            for layer in net.layers
        )
        write_weights(layers or layers_of(net), Path(path), blobs)


def _arrays(param: Param, diffs: bool) -> tuple[np.ndarray, np.ndarray | None]:
    return param.values.array(), param.diffs.array() if diffs else None


def check_save(net: Net, path: str | Path) -> None:
    """Raises, before there is anything to save, the LayerError or GoodinitError that `save` would."""
    if hdf5_weights.named_hdf5(path):
        import_extra('h5py', 'data')
        hdf5_weights.check(net, path)
