"""The part of the protobuf wire format that large files need.

A message is a series of (tag, value), and a tag is field number << 3 | wire type. Splitting a file
into its fields avoids protobuf's limit of 2 GB per message, and copies no more than one layer at a
time.
"""

from collections.abc import Iterator
from typing import NamedTuple

from .errors import ProtoError

# Wire types.
VARINT = 0
FIXED64 = 1
LENGTH = 2
FIXED32 = 5
BYTES = {FIXED32: 4, FIXED64: 8}


class Field(NamedTuple):
    """One field of a message: data[start:end] is all of it, data[payload:end] its value."""

    number: int
    wire_type: int
    start: int
    payload: int
    end: int


def split(data: memoryview | bytes) -> Iterator[Field]:
    """The fields of a serialized message, in order. Raises ProtoError if bytes are not a field, or
    are missing."""
    start = 0
    while start < len(data):
        field = _field_at(data, start)
        if field.end > len(data):
            raise ProtoError(f'truncated: {len(data)} bytes, but at least {field.end} are needed')
        yield field
        start = field.end


def _field_at(data: memoryview | bytes, start: int) -> Field:
    """The field that begins at a position; it may end beyond the data."""
    tag, payload = read_varint(data, start)
    number = tag >> 3
    wire_type = tag & 7
    if number == 0:
        raise ProtoError(f'byte {start} begins no protobuf field')
    if wire_type == VARINT:
        _, end = read_varint(data, payload)
    elif wire_type == LENGTH:
        length, payload = read_varint(data, payload)
        end = payload + length
    elif wire_type in BYTES:
        end = payload + BYTES[wire_type]
    else:
        raise ProtoError(f'byte {payload - 1} begins no protobuf field')
    return Field(number, wire_type, start, payload, end)


def read_varint(data: memoryview | bytes, at: int) -> tuple[int, int]:
    """The number at a position (7 bits per byte, the lowest first) and the position after it.
    Raises ProtoError."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ProtoError(f'truncated: {len(data)} bytes, and the last field is incomplete')
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ProtoError(f'byte {at - 10} begins no protobuf number')


def write_varint(value: int) -> bytes:
    """A nonnegative number in 7 bits per byte, the lowest first."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def header(number: int, length: int) -> bytes:
    """What precedes a value of `length` bytes in the field `number`."""
    return write_varint(number << 3 | LENGTH) + write_varint(length)
