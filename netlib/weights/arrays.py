"""Weights as arrays with PyTorch's names: safetensors and NumPy's .npz."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from ...proto import ProtoError, atomic_write, existing_file
from ...proto.caffe_pb2 import NetParameter
from ..checked_npy import ArrayFileError, Npz
from ..errors import NetError, import_extra
from .formats import Format, LayeredNet, Source, register_format
from .state_dict import state_dict, state_message

ARRAY_SUFFIXES = ('.safetensors', '.npz')
Metadata = Mapping[str, str]
Arrays = Mapping[str, np.ndarray]


def write_safetensors(file: IO[bytes], arrays: Arrays, metadata: Metadata) -> None:
    """Write arrays as safetensors, one after the other without a copy of them all: the length of
    the header, the header in JSON, the values."""
    header: dict = {'__metadata__': dict(metadata)}
    start = 0
    for name, array in arrays.items():
        end = start + array.nbytes
        kind = KINDS[array.dtype.name]
        header[name] = {'dtype': kind, 'shape': list(array.shape), 'data_offsets': [start, end]}
        start = end
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    file.write(len(text).to_bytes(8, 'little'))
    file.write(text)
    for array in arrays.values():
        file.write(np.ascontiguousarray(array).data)


KINDS = {'float32': 'F32', 'float64': 'F64'}


def write_npz(file: IO[bytes], arrays: Arrays, metadata: Metadata) -> None:
    """Write arrays as .npz, and the metadata as strings called metadata/<name>."""
    texts = {f'metadata/{name}': np.array(text) for name, text in metadata.items()}
    everything: dict[str, Any] = {**arrays, **texts}
    np.savez(file, **everything)


def read_arrays(path: str | Path, suffix: str = '') -> dict[str, np.ndarray]:
    """The arrays of a .safetensors or .npz file (`suffix` says which, or the path), as float32.
    Raises NetError, GoodinitError."""
    name = existing_file(path)
    npz = (suffix or Path(name).suffix) == '.npz'
    found = _read_npz(name) if npz else _read_safetensors(name)
    out = {}
    for key, array in found.items():
        if array.dtype.kind in 'fiu':
            out[key] = array.astype(np.float32, copy=False)
    return out


def _read_npz(name: str) -> dict[str, np.ndarray]:
    try:
        file = Npz(name)
        return {key: file[key] for key in file if not key.startswith('metadata/')}
    except ArrayFileError as error:
        raise NetError(f'{name}: not an .npz file, or damaged: {error}') from error


def _read_safetensors(name: str) -> dict[str, np.ndarray]:
    load = import_extra('safetensors.numpy', 'export').load_file
    try:
        return load(name)
    except Exception as error:  # the package's own kinds differ from version to version
        raise NetError(f'{name}: not a safetensors file, or damaged: {error}') from error


def write_arrays(
    net: LayeredNet, path: Source, diffs: bool = False, layers: NetParameter | None = None
) -> None:
    """Write the weights as the path's suffix says, all of them or on an error nothing; there is no
    room for gradients or a description of layers."""
    put = write_npz if Path(path).suffix == '.npz' else write_safetensors
    with atomic_write(path) as file:
        put(file, state_dict(net), {})


def read_arrays_for(net: LayeredNet, path: Source) -> NetParameter:
    """The weights for a net, by layers. Raises NetError for shapes that do not fit."""
    try:
        return state_message(net, read_arrays(path))
    except NetError as error:
        raise NetError(f'{path}: {error}'.replace(f'{path}: {path}: ', f'{path}: ')) from error


def needs_net(path: Source) -> NetParameter:
    raise ProtoError(f'{path}: its weights go by the names of PyTorch, which need a net to be read')


for _suffix in ARRAY_SUFFIXES:
    register_format(Format(_suffix, (_suffix,), needs_net, write_arrays, read_for=read_arrays_for))
