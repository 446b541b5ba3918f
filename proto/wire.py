"""The protobuf wire format, as far as large files need it: a message is a run of (tag, value), and
a tag is field number << 3 | wire type. Taking a file apart field by field avoids protobuf's limit
of 2 GB per message and copies no more than one layer at a time.
"""

from collections.abc import Iterator
from typing import NamedTuple

from .errors import ProtoError

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


class Field(NamedTuple):
    """One field of a message: data[start:end] is all of it, data[payload:end] its value."""

    number: int
    wire_type: int
    start: int
    payload: int
    end: int


def split(data: memoryview | bytes) -> Iterator[Field]:
    """The fields of a serialized message in order. Raises ProtoError where bytes are no field, or
    missing."""
    at, size = 0, len(data)
    while at < size:
        tag, payload = read_varint(data, at)
        if tag >> 3 == 0:
            raise ProtoError(f'byte {at} begins no protobuf field')
        end = _end(data, payload, tag & 7)
        if tag & 7 == LENGTH:
            length, payload = read_varint(data, payload)
            end = payload + length
        if end > size:
            raise ProtoError(f'cut short: {size} bytes, where at least {end} are needed')
        yield Field(tag >> 3, tag & 7, at, payload, end)
        at = end


def _end(data: memoryview | bytes, payload: int, wire_type: int) -> int:
    if wire_type == VARINT:
        return read_varint(data, payload)[1]
    if wire_type not in (FIXED32, FIXED64, LENGTH):
        raise ProtoError(f'byte {payload - 1} begins no protobuf field')
    return payload + {FIXED32: 4, FIXED64: 8, LENGTH: 0}[wire_type]


def read_varint(data: memoryview | bytes, at: int) -> tuple[int, int]:
    """The number at a position (7 bits per byte, the lowest first) and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ProtoError(f'cut short: {len(data)} bytes, and the last field is not complete')
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
