"""Weights as BVLC Caffe keeps them in HDF5: data/<layer>/<i>, and with gradients diff/<layer>/<i>.

A parameter that shares another's memory is stored at its owner alone; the gradients are stored at
each.
"""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...proto import ProtoError, array_to_blob, atomic_write, existing_file
from ...proto import caffe_pb2 as pb
from ..errors import import_extra

if TYPE_CHECKING:
    from ..net import Net

SUFFIXES = ('.h5', '.hdf5')
SIGNATURE = b'\x89HDF'
MOST_BLOBS = 1000  # of a layer; a damaged file's number beyond it must not fill the memory


def named_hdf5(path: str | Path) -> bool:
    """Whether the name says that weights are to be written as HDF5."""
    return Path(path).suffix in SUFFIXES


def is_hdf5(path: str | Path) -> bool:
    """Whether a file is to be read as HDF5: so says its name, or its first bytes. Raises
    ProtoError."""
    name = existing_file(path)
    if named_hdf5(name):
        return True
    try:
        with open(name, 'rb') as file:
            return file.read(len(SIGNATURE)) == SIGNATURE
    except OSError as error:
        raise ProtoError(f'{name}: cannot read: {error.strerror}') from error


def read(path: str | Path) -> pb.NetParameter:
    """The layers' names and blobs; a blob of lower index that is stored at its owner is an empty
    BlobProto.

    Raises ProtoError for what is no such file, GoodinitError without h5py.
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
                _read_layer(groups[layer], out.layer.add(name=layer), name)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise ProtoError(f'{name}: not an HDF5 file, or damaged: {error}') from error
    return out


def _read_layer(group, layer, file):
    arrays = {}
    for key in group:
        dtype = getattr(group[key], 'dtype', None)
        if (
            not (key.isdecimal() and int(key) < MOST_BLOBS)
            or dtype is None
            or dtype.kind not in 'fiu'
        ):
            raise ProtoError(
                f"{file}: data/{layer.name} must hold numeric datasets called 0, 1, ...; found '{key}'"
            )
        arrays[int(key)] = group[key][...]
    for i in range(max(arrays, default=-1) + 1):
        blob = layer.blobs.add()
        if i in arrays:
            array_to_blob(arrays[i].astype(np.float32), blob=blob)


def check(net: Net, path: str | Path) -> None:
    """Raises LayerError for a layer whose name HDF5 cannot hold."""
    count = Counter(net.layer_names)
    for layer in net.layers:
        if '/' in layer.name or layer.name in ('', '.') or count[layer.name] > 1:
            raise layer.error(
                f"Error saving weights to {path}: HDF5 needs layer names without '/', each once. "
                'Rename the layer, or write a .caffemodel'
            )


def write(net: Net, path: str | Path, diffs: bool = False) -> None:
    """Write the file, all of it or on an error nothing.

    Raises LayerError as `check` does, ProtoError where `path` cannot be written, GoodinitError
    without h5py.
    """
    h5py = import_extra('h5py', 'data')
    check(net, path)
    made = BytesIO()
    with h5py.File(made, 'w') as file:
        for kind in ('data', 'diff') if diffs else ('data',):
            for layer in net.layers:
                group = file.create_group(f'{kind}/{layer.name}')
                for i, param in enumerate(layer.params):
                    if kind == 'diff':
                        group[str(i)] = param.diffs.array().astype('<f4')
                    elif param.owner is param:
                        group[str(i)] = param.values.array().astype('<f4')
    with atomic_write(path) as target:
        target.write(made.getbuffer())
