"""BVLC Caffe's weights in HDF5: data/<layer>/<i>, and with gradients diff/<layer>/<i>.

A parameter that shares another's memory is stored only under its owner. Gradients are stored under
every layer.
"""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from typing import Any

import numpy as np

from ...proto import ProtoError, array_to_blob, atomic_write
from ...proto import caffe_pb2 as pb
from ..checked_hdf5 import checked_dataset, item_at, open_hdf5, read_numbers
from ..errors import import_extra
from ..layers import Layer
from .formats import Format, LayeredNet, Source, register_format

MOST_BLOBS = 1000  # per layer; a damaged file's number must not fill the memory


def read_hdf5(path: Source) -> pb.NetParameter:
    """The layers' names and blobs. A blob stored only under its owner becomes an empty BlobProto if
    a later blob of its layer is stored.

    Raises ProtoError for any other kind of file, and GoodinitError without h5py.
    """
    out = pb.NetParameter()
    with open_hdf5(path, ProtoError, 'an HDF5 file') as file:
        groups = item_at(file, 'data')
        if not hasattr(groups, 'keys'):
            raise ProtoError(
                f"{path}: holds no weights: it has no group 'data', but "
                f'{", ".join(file) or "nothing"}'
            )
        for name in groups:
            read_layer(file, out.layer.add(name=name), str(path))
    return out


def read_layer(file: Any, layer: pb.LayerParameter, path: str) -> None:
    """Read the datasets of a layer's group into its blobs. Raises ProtoError."""
    group = item_at(file, f'data/{layer.name}')
    arrays = {}
    for key in group if hasattr(group, 'keys') else [layer.name]:
        dataset = checked_dataset(file, f'data/{layer.name}/{key}')
        if dataset is None or not is_number(key):
            raise ProtoError(
                f'{path}: data/{layer.name} must hold numeric datasets called 0, 1, ...; '
                f"found '{key}'"
            )
        arrays[int(key)] = read_numbers(dataset)
    for i in range(max(arrays, default=-1) + 1):
        blob = layer.blobs.add()
        if i in arrays:
            array_to_blob(arrays[i].astype(np.float32), blob=blob)


def is_number(key: str) -> bool:
    """Whether a dataset's name is the number of a blob."""
    return key.isdecimal() and len(key) < 9 and int(key) < MOST_BLOBS


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
