"""BVLC Caffe's weights in HDF5: data/<layer>/<i>, and with gradients diff/<layer>/<i>.

A parameter that shares another's memory is stored only under its owner. Gradients are stored under
every layer.
"""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from typing import Any

import numpy as np

from ...proto import ProtoError, array_to_blob, atomic_write, existing_file
from ...proto import caffe_pb2 as pb
from ..errors import import_extra
from ..layers import Layer
from .formats import Format, LayeredNet, Source, register_format

MOST_BLOBS = 1000  # per layer; a damaged file's number must not fill the memory
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError)  # raised by h5py


def read_hdf5(path: Source) -> pb.NetParameter:
    """The layers' names and blobs. A blob stored only under its owner becomes an empty BlobProto if
    a later blob of its layer is stored.

    Raises ProtoError for any other kind of file, and GoodinitError without h5py.
    """
    h5py = import_extra('h5py', 'data')
    name = existing_file(path)
    out = pb.NetParameter()
    try:
        with h5py.File(name, 'r') as file:
            groups = file.get('data')
            if not isinstance(groups, h5py.Group):
                raise ProtoError(
                    f"{name}: holds no weights: it has no group 'data', but "
                    f'{", ".join(file) or "nothing"}'
                )
            for layer in groups:
                read_layer(groups[layer], out.layer.add(name=layer), name)
    except DAMAGE as error:
        raise ProtoError(f'{name}: not an HDF5 file, or damaged: {error}') from error
    return out


def read_layer(group: Any, layer: pb.LayerParameter, file: str) -> None:
    """Read the datasets of a group into a layer's blobs. Raises ProtoError."""
    arrays = {}
    for key in group:
        if not is_blob(group[key], key):
            raise ProtoError(
                f'{file}: data/{layer.name} must hold numeric datasets called 0, 1, ...; '
                f"found '{key}'"
            )
        arrays[int(key)] = group[key][...]
    for i in range(max(arrays, default=-1) + 1):
        blob = layer.blobs.add()
        if i in arrays:
            array_to_blob(arrays[i].astype(np.float32), blob=blob)


def is_blob(dataset: Any, key: str) -> bool:
    """Whether the item is a numeric dataset whose name is a number."""
    dtype = getattr(dataset, 'dtype', None)
    numbered = key.isdecimal() and int(key) < MOST_BLOBS
    return numbered and dtype is not None and dtype.kind in 'fiu'


def check_hdf5(net: LayeredNet, path: Source) -> None:
    """Raises LayerError for a layer name that HDF5 cannot store, GoodinitError without h5py."""
    import_extra('h5py', 'data')
    names = Counter(layer.name for layer in net.layers)
    for layer in net.layers:
        if '/' in layer.name or layer.name in ('', '.') or names[layer.name] > 1:
            raise layer.error(
                f"Error saving weights to {path}: HDF5 needs unique layer names without '/'. "
                'Rename the layer, or write a .caffemodel'
            )


def write_hdf5(
    net: LayeredNet, path: Source, diffs: bool = False, layers: pb.NetParameter | None = None
) -> None:
    """Write the whole file, or nothing on an error. The format cannot describe the layers.

    Raises the errors of `check_hdf5`, and ProtoError if `path` cannot be written.
    """
    check_hdf5(net, path)
    h5py = import_extra('h5py', 'data')
    made = BytesIO()
    with h5py.File(made, 'w') as file:
        for layer in net.layers:
            write_values(file.create_group(f'data/{layer.name}'), layer)
        if diffs:
            for layer in net.layers:
                write_diffs(file.create_group(f'diff/{layer.name}'), layer)
    with atomic_write(path) as target:
        target.write(made.getbuffer())


def write_values(group: Any, layer: Layer) -> None:
    for i, param in enumerate(layer.params):
        if param.owner is param:
            group[str(i)] = param.values.array().astype('<f4')


def write_diffs(group: Any, layer: Layer) -> None:
    for i, param in enumerate(layer.params):
        group[str(i)] = param.diffs.array().astype('<f4')


register_format(
    Format(
        'HDF5',
        ('.h5', '.hdf5'),
        read=read_hdf5,
        write=write_hdf5,
        check=check_hdf5,
        signature=b'\x89HDF',
    )
)
