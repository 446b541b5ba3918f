"""Binary files: weights (.caffemodel), training states (.solverstate), single arrays
(mean.binaryproto).

Files are memory-mapped and parsed field by field: only the message itself takes memory, and a file
may be larger than 2 GB.
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
            raise ProtoError('not a caffemodel: it contains no layers')
        if needs_upgrade(net):  # a large file in the current format is not copied
            net = upgrade_net(net)
    forks.rewrite_blobs(net)
    return net


def read_blob(path: Path) -> BlobProto:
    """One array, as in mean.binaryproto. Raises ProtoError."""
    blob = read_binary(path, BlobProto())
    if not (blob.data or blob.double_data or blob.raw_data):
        raise ProtoError(f'{path}: not a BlobProto: it contains no values')
    return blob


def read_solver_state(path: Path) -> SolverState:
    """The iteration and history of a .solverstate. Raises ProtoError."""
    state = read_binary(path, SolverState())
    with about(str(path)):
        if not state.HasField('iter'):
            raise ProtoError('not a solverstate: it contains no iteration')
        if isinstance(state.learned_net, bytes):  # protobuf's result for text that is not UTF-8
            raise ProtoError('damaged: its learned_net is not text')
    return state


def read_binary(path: Path, message: M) -> M:
    """Parses the file into the message and returns it without upgrading it. Raises ProtoError."""
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
    """Raises ProtoError for common mistakes: HDF5, and text such as a git-lfs pointer."""
    if start.startswith(HDF5):
        raise ProtoError(f'it is an HDF5 file, not a binary {kind}')
    text = start.decode('ascii', 'replace')  # other bytes become \ufffd
    if '\ufffd' not in text and all(map(_is_in_text, text)):
        line, *_ = text.strip().split('\n')
        line = line.strip()[:60]
        raise ProtoError(f'it is a text file (it begins with {line!r}), not a binary {kind}')


def _is_in_text(character: str) -> bool:
    return character.isprintable() or character in '\t\r\n'


def _merge(data: memoryview, message: Message) -> None:
    """Merge a serialized message, one layer at a time."""
    names = message.DESCRIPTOR.fields_by_number
    for field in wire.split(data):
        known = names.get(field.number)
        items: Any = getattr(message, known.name) if known else None
        if not is_message_list(items) or field.wire_type != wire.LENGTH:
            message.MergeFromString(data[field.start : field.end])
            continue
        part: memoryview | bytes = data[field.payload : field.end]
        if known.message_type is LayerParameter.DESCRIPTOR:
            part = fork_binaries.renumbered(part)
        items.add().MergeFromString(part)


def write_weights(net: NetParameter, path: Path, blobs: Iterable[Sequence[Pieces]] = ()) -> None:
    """Writes a whole .caffemodel, or nothing on an error. Raises ProtoError.

    blobs: for each layer, the blobs that follow those in its message, from `serialized_blob`. They
    are written directly to the file, without a copy.
    """
    blobs_of_layers = iter(blobs)

    def with_blobs(item: Message) -> Pieces:
        pieces: list[bytes | memoryview] = [item.SerializeToString()]
        if isinstance(item, LayerParameter):
            for blob in next(blobs_of_layers, ()):
                size = sum(map(len, blob))
                pieces.append(wire.header(LayerParameter.BLOBS_FIELD_NUMBER, size))
                pieces += blob
        return pieces

    with without_origins(net):
        _write(net, path, with_blobs)


def write_binary(message: Message, path: Path) -> None:
    """Writes a whole message, or nothing on an error. Raises ProtoError."""
    _write(message, path, lambda item: [item.SerializeToString()])


def _write(message: Message, path: Path, serialized: Callable[[Message], Pieces]) -> None:
    """Write the message, with its lists of messages item by item, each from `serialized`."""
    lists = [(field, value) for field, value in message.ListFields() if is_message_list(value)]
    rest = type(message)()
    copy_fields(message, rest, skip=[field.name for field, _ in lists])
    try:
        with atomic_write(path) as file:
            file.write(rest.SerializeToString())
            for field, items in lists:
                for item in items:
                    pieces = serialized(item)
                    size = sum(map(len, pieces))
                    file.write(wire.header(field.number, size))
                    file.writelines(pieces)
    except EncodeError as error:
        raise ProtoError(f'cannot write {path}: {error}') from error
