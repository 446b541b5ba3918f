"""The side file of a snapshot: the data missing from Caffe's two files that a run needs to continue
bit for bit.

A ZIP archive of arrays, as written by np.savez. `document` is JSON text in UTF-8, in which
{"@array": "3"} stands for the array with that name:

    files       the weights and the state that it belongs to: [bytes, CRC-32] each
    losses      the losses in the window of average_loss
    nets        for the train net of each rank, then each test net, its layers in order:
                name, type, Layer.state(), and for a test net the parameters of layers that
                the train net lacks
    ranks       the number of ranks
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from ..netlib import Net
from ..netlib.blob import Param
from ..netlib.errors import ProtoError, SolverError
from ..netlib.layers import Layer
from ..proto import atomic_write, existing_file
from .solver_nets import SolverNets
from .state import TrainingState

Document = dict[str, Any]
WITHOUT = 'delete it to resume as Caffe does, with the data from the start'
CHUNK = 1 << 20  # bytes


def path_of(state: str | Path) -> str:
    """The side file of a .solverstate or .solverstate.h5."""
    return str(state).removesuffix('.h5').removesuffix('.solverstate') + '.resume'


# -- writing


def layers_of(nets: SolverNets) -> list[list[Document]]:
    """The side file's entries for the nets. Ranks exchange them, so all must call this."""
    ours = _layers(nets.train, nets.train)
    train = nets.ranks.gather([ours])
    tests = [_layers(net, nets.train) for net in nets.tests]
    return [*train, *tests]


def _layers(net: Net, train: Net) -> list[Document]:
    layers = []
    for layer in net.layers:
        params = [param.values.array() for param in _own_params(layer, train)]
        entry = {
            'name': layer.name,
            'type': layer.type,
            'state': layer.state(),
            'params': params,
        }
        layers.append(entry)
    return layers


def _own_params(layer: Layer, train: Net) -> list[Param]:
    """The parameters of a layer that the train net lacks."""
    return [] if layer.name in train.params else layer.params


def write(
    layers: Sequence[list[Document]],
    losses: Iterable[Any],
    ranks: int,
    path: str,
    files: Iterable[str],
) -> None:
    """Write the side file: `layers` are what `layers_of` gave, `files` the weights and the state.
    Raises ProtoError."""
    content = {
        'files': list(map(_fingerprint, files)),
        'losses': list(map(float, losses)),
        'nets': layers,
        'ranks': ranks,
    }
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_pack(content, arrays))
    document = np.frombuffer(text.encode(), np.uint8)
    with atomic_write(path) as file:
        # mypy: one of the names might be 'allow_pickle'; they are numbers.
        np.savez(file, document=document, **arrays)  # type: ignore[arg-type]


# -- reading


def read(path: str) -> Document:
    """Read the result of `write`. Raises ProtoError for a damaged file."""
    try:
        with open(existing_file(path), 'rb') as file, np.load(file, allow_pickle=False) as arrays:
            document = _unpack(json.loads(arrays['document'].tobytes()), arrays)
            _check_document(document)
            return document
    except Exception as error:  # whatever zipfile, zlib, numpy and json make of damaged bytes
        raise ProtoError(f'{path}: not the side file of a snapshot, or damaged: {error}') from error


def _check_document(document: Any) -> None:
    """Raises an error unless a document has the keys and kinds of values that `write` gives it."""
    numbers = [*chain(*document['files']), *document['losses'], document['ranks']]
    if not all(isinstance(number, int | float) for number in numbers):
        raise ValueError('found other things where numbers are needed')
    for entries in document['nets']:
        for entry in entries:
            _check_entry(entry)


def _check_entry(entry: Any) -> None:
    """Raises an error unless an entry describes the state of a layer."""
    kinds = {'name': str, 'type': str, 'state': dict, 'params': list}
    for key, kind in kinds.items():
        if not isinstance(entry[key], kind):
            raise ValueError(f'{key} of a layer is no {kind.__name__}')


def check_files(document: Document, path: str, files: Iterable[str]) -> None:
    """Raises SolverError if the side file does not belong to these weights and this state."""
    files = list(files)
    if len(files) != len(document['files']):
        raise SolverError(f'{path} belongs to {len(document["files"])} files: {WITHOUT}')
    for file, fingerprint in zip(files, document['files'], strict=True):
        if _fingerprint(file) != fingerprint:
            raise SolverError(f'{path} belongs to other files than {file}: {WITHOUT}')


def check_layers(document: Document, path: str, nets: SolverNets) -> None:
    """Raises SolverError if the nets have other layers than those of the side file."""
    ranks = nets.ranks.size
    if document['ranks'] != ranks:
        raise SolverError(
            f'{path} was written by {document["ranks"]} ranks, but {ranks} train now: {WITHOUT}'
        )
    theirs = []
    for entries in document['nets']:
        theirs.append([(entry['name'], entry['type']) for entry in entries])
    ours = []
    for net in [nets.train] * ranks + nets.tests:
        ours.append([(layer.name, layer.type) for layer in net.layers])
    if theirs != ours:
        difference = _difference(theirs, ours, ranks)
        raise SolverError(f'{path} belongs to other nets: {difference}: {WITHOUT}')


def _difference(theirs: list, ours: list, ranks: int) -> str:
    """The first difference between two lists of nets, each a list of (name, type) of its layers."""
    if len(theirs) != len(ours):
        return f'found {len(theirs) - ranks} test nets, needed {len(ours) - ranks}'
    found, needed = _first_unequal(theirs, ours)
    if len(found) != len(needed):
        return f'found {len(found)} layers, needed {len(needed)}'
    (name, type), (our_name, our_type) = _first_unequal(found, needed)
    return f"found layer '{name}' ({type}), needed '{our_name}' ({our_type})"


def _first_unequal(found: list, needed: list) -> tuple[Any, Any]:
    pairs = zip(found, needed, strict=True)
    return next((a, b) for a, b in pairs if a != b)


def restore(document: Document, nets: SolverNets, state: TrainingState) -> None:
    """Restore the losses and the state of the layers. Raises SolverError."""
    state.losses.extend(document['losses'])
    of_ranks = document['nets'][: nets.ranks.size]
    of_tests = document['nets'][nets.ranks.size :]
    _restore_net(nets.train, of_ranks[nets.ranks.rank], nets.train)
    for net, entries in zip(nets.tests, of_tests, strict=True):
        _restore_net(net, entries, nets.train)


def _restore_net(net: Net, entries: list[Document], train: Net) -> None:
    for layer, entry in zip(net.layers, entries, strict=True):
        try:
            layer.restore(entry['state'])
            params = _own_params(layer, train)
            for param, values in zip(params, entry['params'], strict=True):
                param.data = values
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise SolverError(
                f"the state of layer '{layer.name}' ({layer.type}) does not fit: {error!r}"
            ) from error


# -- the format


def _fingerprint(path: str) -> list[int]:
    """The size of a file in bytes, and its CRC-32."""
    checksum = 0
    with open(existing_file(path), 'rb') as file:
        while chunk := file.read(CHUNK):
            checksum = zlib.crc32(chunk, checksum)
    return [os.path.getsize(path), checksum]


def _pack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The value with its arrays moved to `arrays` and replaced by references."""
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = value
        return {'@array': name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _pack(item, arrays) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_pack(item, arrays) for item in value]
    return value


def _unpack(value: Any, arrays: Any) -> Any:
    """The value with its references replaced by the arrays."""
    if isinstance(value, list):
        return [_unpack(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if '@array' in value:
        return arrays[value['@array']]
    return {key: _unpack(item, arrays) for key, item in value.items()}
