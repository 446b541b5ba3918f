"""Caffe's files: the schema (caffe.proto, caffe_pb2), reading and writing text and binary files,
and old formats.

The lowest layer of goodinit: it imports nothing from the rest. Readers return messages of the
current format.
"""

from .arrays import array_to_blob, blob_shape, blob_to_array, serialized_blob
from .binary import (
    read_binary,
    read_blob,
    read_solver_state,
    read_weights,
    write_binary,
    write_weights,
)
from .errors import GoodinitError, ProtoError
from .files import atomic_write, existing_file, remove_abandoned, written_together
from .text import (
    format_text,
    parse_net,
    parse_solver,
    parse_text,
    read_any,
    read_net,
    read_solver,
    read_text,
    write_text,
)
from .unknown import unknown_fields
from .upgrade import needs_upgrade, upgrade_net, upgrade_solver

__all__ = [
    'GoodinitError',
    'ProtoError',
    'array_to_blob',
    'atomic_write',
    'blob_shape',
    'blob_to_array',
    'existing_file',
    'format_text',
    'needs_upgrade',
    'parse_net',
    'parse_solver',
    'parse_text',
    'read_any',
    'read_binary',
    'read_blob',
    'read_net',
    'read_solver',
    'read_solver_state',
    'read_text',
    'read_weights',
    'remove_abandoned',
    'serialized_blob',
    'unknown_fields',
    'upgrade_net',
    'upgrade_solver',
    'write_binary',
    'write_text',
    'write_weights',
    'written_together',
]
