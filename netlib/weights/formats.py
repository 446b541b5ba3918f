"""The file formats for weights, by suffix and by first bytes.

A new format registers itself:

    register_format(Format('NumPy', ('.npz',), read=..., write=..., check=...))
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ...proto import ProtoError, existing_file
from ...proto import caffe_pb2 as pb
from ...proto.errors import about
from ..errors import NetError
from ..layers import Layer
from .foreign import refuse_foreign
from .fork_batch_norm import scales_separated

Source = str | Path


class LayeredNet(Protocol):
    """The part of a net that a format sees."""

    name: str
    layers: list[Layer]


@dataclass(frozen=True)
class Format:
    """One way to store weights in a file.

    suffixes    file name suffixes that select it
    read        path -> the layers' names and blobs, as the message of a caffemodel
    write       (net, path, diffs, layers): writes the whole file, or nothing on an error; `layers`
                describes the layers, if the format can store that
    check       (net, path): raises what `write` would raise, before there is anything to save
    signature   the first bytes of such a file, whatever its name; b'' if it has none
    read_for    (net, path) -> that message, for a format whose names only a net can tell apart
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Source], pb.NetParameter]
    write: Callable[[LayeredNet, Source, bool, pb.NetParameter | None], None]
    check: Callable[[LayeredNet, Source], None] = lambda net, path: None
    signature: bytes = b''
    read_for: Callable[[LayeredNet, Source], pb.NetParameter] | None = None


FORMATS: list[Format] = []
# Folders that build on this one, and register what they write when they are imported.
LATER = {'.onnx': 'export', '.py': 'export'}


def register_format(new: Format) -> None:
    """Register a format; the first one registered is the default for unknown suffixes."""
    FORMATS.append(new)


def format_named(path: Source) -> Format:
    """The format that a file's name selects."""
    suffix = Path(path).suffix
    if suffix in LATER:
        importlib.import_module(f'goodinit.{LATER[suffix]}')
    for known in FORMATS:
        if suffix in known.suffixes:
            return known
    return FORMATS[0]


def format_found(path: Source) -> Format:
    """The format of a file, by its name, or else by its first bytes. Raises ProtoError."""
    name = existing_file(path)
    named = format_named(path)
    if named is not FORMATS[0]:
        return named
    first = first_bytes(name)
    for known in FORMATS:
        if known.signature and first.startswith(known.signature):
            return known
    return named


def first_bytes(name: str) -> bytes:
    longest = max(len(known.signature) for known in FORMATS)
    try:
        with open(name, 'rb') as file:
            return file.read(longest)
    except OSError as error:
        raise ProtoError(f'{name}: cannot read: {error.strerror}') from error


def read_weights_file(path: Source, net: LayeredNet | None = None) -> pb.NetParameter:
    """The layers and their blobs, from a file of any known format; `net`: the one they are for.

    Raises ProtoError for a file that is missing, damaged, or something else.
    """
    found = format_found(path)
    refuse_foreign(path, found.name)
    if net is None:
        return found.read(path)
    saved = found.read_for(net, path) if found.read_for else found.read(path)
    with about(str(path)):
        return scales_separated(saved, net.layers)


def save(
    net: LayeredNet, path: Source, diffs: bool = False, layers: pb.NetParameter | None = None
) -> None:
    """Write the net's weights in the format that the name selects.

    `layers`: how the file describes the layers (None: as the net does). Raises GoodinitError, and
    never leaves a half-written file.
    """
    format_named(path).write(net, path, diffs, layers)


def save_as(suffix: str, net: LayeredNet, path: Source) -> None:
    """Write the net as a format's suffix says, which must be the path's. Raises GoodinitError."""
    if Path(path).suffix != suffix:
        raise NetError(f'{path}: needed: the name of a file that ends in {suffix}')
    save(net, path)


def check_save(net: LayeredNet, path: Source) -> None:
    """Raises the GoodinitError that `save` would raise, before there is anything to save."""
    format_named(path).check(net, path)
