"""The side file of a snapshot: what Caffe's two files leave out, so that a resumed run goes on bit
by bit.

A ZIP archive of arrays, as np.savez writes it. `document` is JSON text in UTF-8, in which
{"@array": "3"} stands for the array of that name:

    files       of the weights and the state that it belongs to: [bytes, CRC-32] each
    losses      those of the window of average_loss
    nets        for the train net of each rank, then each test net, its layers in order: name, type, Layer.state(), and
                for a test net the parameters of layers that the train net lacks
    ranks       how many train together
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..netlib import Net
from ..netlib.errors import ProtoError, SolverError
from ..proto import atomic_write, existing_file

if TYPE_CHECKING:
    from .solver import Solver

Document = dict[str, Any]
WITHOUT = 'delete it to resume as Caffe does, with the data from the start'


def path_of(state: str | Path) -> str:
    """The side file of a .solverstate or .solverstate.h5."""
    return str(state).removesuffix('.h5').removesuffix('.solverstate') + '.resume'


def layers_of(solver: Solver) -> list[list[Document]]:
    """What the side file says of the nets; the ranks exchange it, so that all must ask."""
    train = solver.ranks.gather([_layers(solver.net, solver.net)])
    return [*train, *(_layers(net, solver.net) for net in solver.test_nets)]


def write(solver: Solver, layers: list[list[Document]], path: str, files: list[str]) -> None:
    """Write the side file of a solver whose weights and state are in `files`. Raises ProtoError."""
    arrays: dict[str, np.ndarray] = {}
    document = _pack(
        {
            'files': [_fingerprint(file) for file in files],
            'losses': [*map(float, solver.losses)],
            'nets': layers,
            'ranks': solver.ranks.size,
        },
        arrays,
    )
    text = np.frombuffer(json.dumps(document).encode(), np.uint8)
    with atomic_write(path) as file:
        np.savez(file, document=text, **arrays)  # type: ignore[arg-type]


def read(path: str) -> Document:
    """What `write` wrote. Raises ProtoError for a damaged file."""
    try:
        with open(existing_file(path), 'rb') as file, np.load(file, allow_pickle=False) as arrays:
            return _unpack(json.loads(arrays['document'].tobytes()), arrays)
    except Exception as error:  # whatever zipfile, zlib, numpy and json make of damaged bytes
        raise ProtoError(f'{path}: not the side file of a snapshot, or damaged: {error}') from error


def check(document: Document, path: str, files: list[str]) -> None:
    """Raises SolverError if the side file does not belong to these weights and this state."""
    for file, fingerprint in zip(files, document['files'], strict=True):
        if _fingerprint(file) != fingerprint:
            raise SolverError(f'{path} belongs to other files than {file}: {WITHOUT}')


def check_nets(document: Document, path: str, solver: Solver) -> None:
    """Raises SolverError if the nets of the solver have other layers than those of the side file."""
    if document['ranks'] != solver.ranks.size:
        raise SolverError(
            f'{path} is of {document["ranks"]} ranks, but {solver.ranks.size} train now: {WITHOUT}'
        )
    ours = [[(layer.name, layer.type) for layer in net.layers] for net in _nets(solver)]
    theirs = [[(entry['name'], entry['type']) for entry in net] for net in document['nets']]
    if ours != theirs:
        raise SolverError(
            f'{path} is of other nets: {_difference(theirs, ours, solver.ranks.size)}: {WITHOUT}'
        )


def _difference(theirs, ours, ranks):
    if len(theirs) != len(ours):
        return f'found {len(theirs) - ranks} test nets, needed {len(ours) - ranks}'
    found, needed = next((a, b) for a, b in zip(theirs, ours, strict=True) if a != b)
    if len(found) != len(needed):
        return f'found {len(found)} layers, needed {len(needed)}'
    a, b = next((a, b) for a, b in zip(found, needed, strict=True) if a != b)
    return f"found layer '{a[0]}' ({a[1]}), needed '{b[0]}' ({b[1]})"


def restore(document: Document, solver: Solver) -> None:
    """Bring the losses and the layers to where they were. Raises SolverError."""
    solver.losses.extend(document['losses'])
    train, tests = document['nets'][solver.ranks.rank], document['nets'][solver.ranks.size :]
    for net, entries in zip((solver.net, *solver.test_nets), (train, *tests), strict=True):
        for layer, entry in zip(net.layers, entries, strict=True):
            try:
                layer.restore(entry['state'])
                for param, values in zip(
                    _own_params(layer, solver.net), entry['params'], strict=True
                ):
                    param.data = values
            except (KeyError, ValueError, TypeError, IndexError) as error:
                raise SolverError(
                    f"the state of layer '{layer.name}' ({layer.type}) does not fit: {error!r}"
                ) from error


def _nets(solver: Solver) -> list[Net]:
    """The nets in the order of the document."""
    return [solver.net] * solver.ranks.size + solver.test_nets


def _layers(net: Net, train: Net) -> list[Document]:
    return [
        {
            'name': layer.name,
            'type': layer.type,
            'state': layer.state(),
            'params': [param.values.array() for param in _own_params(layer, train)],
        }
        for layer in net.layers
    ]


def _own_params(layer, train):
    return [] if layer.name in train.params else layer.params


def _fingerprint(path: str) -> list[int]:
    checksum = 0
    with open(existing_file(path), 'rb') as file:
        while block := file.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
    return [os.path.getsize(path), checksum]


def _pack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The value with its arrays replaced by references to where they are kept in `arrays`."""
    if isinstance(value, np.ndarray):
        arrays[name := str(len(arrays))] = value
        return {'@array': name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _pack(item, arrays) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_pack(item, arrays) for item in value]
    return value


def _unpack(value: Any, arrays: Any) -> Any:
    if isinstance(value, list):
        return [_unpack(item, arrays) for item in value]
    if isinstance(value, dict):
        return (
            arrays[value['@array']]
            if '@array' in value
            else {key: _unpack(item, arrays) for key, item in value.items()}
        )
    return value
