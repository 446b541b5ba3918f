"""Binary files: weights (.caffemodel), training states (.solverstate), single arrays
(mean.binaryproto).

Files are mapped and parsed field by field: only the message itself takes memory, and a file may
pass 2 GB.
"""

import mmap
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, EncodeError, Message

from . import fork_binaries, forks, wire
from .caffe_pb2 import BlobProto, LayerParameter, NetParameter, SolverState
from .errors import ProtoError, about
from .fields import copy_fields, is_message_list
from .files import Path, atomic_write, existing_file
from .scan import without_origins
from .upgrade import needs_upgrade, upgrade_net

M = TypeVar('M', bound=Message)
Pieces = Sequence[bytes | memoryview]
KINDS: dict[type, str] = {NetParameter: 'caffemodel', SolverState: 'solverstate'}
HDF5 = b'\x89HDF\r\n\x1a\n'


def read_weights(path: Path) -> NetParameter:
    """The layers and their blobs of a .caffemodel, upgraded to the current format. Raises
    ProtoError."""
    net = read_binary(path, NetParameter())
    with about(str(path)):
        if not (net.layer or net.layers or net.name):
            raise ProtoError('not a caffemodel: it holds no layer')
        # The upgrade is a copy, which a large file of the current format can do without.
        net = upgrade_net(net) if needs_upgrade(net) else net
    forks.rewrite_blobs(net)
    return net


def read_blob(path: Path) -> BlobProto:
    """One array, as in mean.binaryproto. Raises ProtoError."""
    blob = read_binary(path, BlobProto())
    if not (blob.data or blob.double_data):
        raise ProtoError(f'{path}: not a BlobProto: it holds no values')
    return blob


def read_solver_state(path: Path) -> SolverState:
    """The iteration and history of a .solverstate. Raises ProtoError."""
    state = read_binary(path, SolverState())
    with about(str(path)):
        if not state.HasField('iter'):
            raise ProtoError('not a solverstate: it holds no iteration')
        if isinstance(state.learned_net, bytes):  # so protobuf gives text that is not UTF-8
            raise ProtoError('damaged: its learned_net is no text')
    return state


def read_binary(path: Path, message: M) -> M:
    """Parses the file into the message and returns it, not upgraded. Raises ProtoError."""
    name = existing_file(path)
    if os.path.getsize(name) == 0:
        raise ProtoError(f'{name}: the file is empty')
    kind = KINDS.get(type(message), type(message).__name__)
    try:
        with open(name, 'rb') as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        _refuse_other_formats(mapped[:512], kind)
        _merge(memoryview(mapped), message)
    except OSError as error:
        raise ProtoError(f'{name}: cannot read: {error.strerror}') from error
    except (DecodeError, ProtoError) as error:
        raise ProtoError(f'{name}: not a {kind}, or damaged: {error}') from error
    return message


def _refuse_other_formats(start: bytes, kind: str) -> None:
    """Raises ProtoError for what gets mistaken for it: HDF5, and text such as a git-lfs pointer."""
    if start.startswith(HDF5):
        raise ProtoError(f'it is an HDF5 file, not a binary {kind}')
    text = start.decode('ascii', 'replace')
    if (
        all(character.isprintable() or character in '\t\r\n' for character in text)
        and '\ufffd' not in text
    ):
        line = text.strip().split('\n')[0].strip()[:60]
        raise ProtoError(f'it is a text file (it begins with {line!r}), not a binary {kind}')


def _merge(data: memoryview, message: Message) -> None:
    names = message.DESCRIPTOR.fields_by_number
    for field in wire.split(data):
        known = names.get(field.number)
        items: Any = getattr(message, known.name) if known else None
        if is_message_list(items) and field.wire_type == wire.LENGTH:
            part = data[field.payload : field.end]
            is_layer = known.message_type is LayerParameter.DESCRIPTOR
            items.add().MergeFromString(fork_binaries.renumbered(part) if is_layer else part)
        else:
            message.MergeFromString(data[field.start : field.end])


def write_weights(net: NetParameter, path: Path, blobs: Iterable[Sequence[Pieces]] = ()) -> None:
    """Writes a .caffemodel: all of it, or on an error nothing. Raises ProtoError.

    blobs: for each layer more blobs than those in its message, as `serialized_blob` gives them:
    they go from where they are to the file.
    """
    more = iter(blobs)

    def with_blobs(item):
        pieces = [item.SerializeToString()]
        for blob in next(more, ()) if isinstance(item, LayerParameter) else ():
            pieces += [wire.header(LayerParameter.BLOBS_FIELD_NUMBER, sum(map(len, blob))), *blob]
        return pieces

    with without_origins(net):
        _write(net, path, with_blobs)


def write_binary(message: Message, path: Path) -> None:
    """Writes a message: all of it, or on an error nothing. Raises ProtoError."""
    _write(message, path, lambda item: [item.SerializeToString()])


def _write(message: Message, path: Path, serialized: Callable[[Message], Pieces]) -> None:
    lists = [(field, value) for field, value in message.ListFields() if is_message_list(value)]
    rest = type(message)()
    copy_fields(message, rest, skip=[field.name for field, _ in lists])
    try:
        with atomic_write(path) as file:
            file.write(rest.SerializeToString())
            for field, items in lists:
                for item in items:
                    pieces = serialized(item)
                    file.write(wire.header(field.number, sum(map(len, pieces))))
                    file.writelines(pieces)
    except EncodeError as error:
        raise ProtoError(f'cannot write {path}: {error}') from error
