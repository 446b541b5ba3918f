"""BlobProto to NumPy and back, at the speed of memory (protobuf's own lists give one number at a
time)."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import wire
from .caffe_pb2 import BlobProto, BlobShape
from .errors import ProtoError

LEGACY = ('num', 'channels', 'height', 'width')


def blob_shape(blob: BlobProto) -> tuple[int, ...]:
    """The extents: `shape`, or in files older than 2015 the four fields num, channels, height,
    width."""
    if any(blob.HasField(field) for field in LEGACY):
        return tuple(getattr(blob, field) for field in LEGACY)
    return tuple(blob.shape.dim)


def blob_to_array(blob: BlobProto, diff: bool = False) -> NDArray[np.float32]:
    """The values (or gradients) in the blob's shape, as float32; stored doubles are rounded.

    The array may be read-only. Raises ProtoError if the number of values does not match the shape.
    """
    singles = 'diff' if diff else 'data'
    doubles = f'double_{singles}'
    if len(getattr(blob, doubles)):
        values = _payload(blob, doubles, np.float64).astype(np.float32)
    else:
        values = _payload(blob, singles, np.float32)
    shape = blob_shape(blob)
    needed = math.prod(shape)
    if values.size != needed:
        extents = ' x '.join(map(str, shape)) or '()'
        raise ProtoError(f'blob of shape {extents} needs {needed} values, but has {values.size}')
    return values.reshape(shape)


def _payload(blob: BlobProto, name: str, dtype: type) -> NDArray:
    """The numbers of a packed field, as a view of its bytes."""
    number = BlobProto.DESCRIPTOR.fields_by_name[name].number
    little = np.dtype(dtype).newbyteorder('<')
    data = blob.SerializeToString()
    for field in wire.split(data):
        if field.number == number:
            count = (field.end - field.payload) // little.itemsize
            return np.frombuffer(data, little, count, field.payload)
    return np.empty(0, little)


def array_to_blob(
    array: ArrayLike, diff: ArrayLike | None = None, blob: BlobProto | None = None
) -> BlobProto:
    """A BlobProto with the values, and optionally the gradients, as float32; written to `blob` if
    given."""
    if blob is None:
        blob = BlobProto()
    blob.ParseFromString(b''.join(serialized_blob(array, diff)))
    return blob


def serialized_blob(array: ArrayLike, diff: ArrayLike | None = None) -> list[bytes | memoryview]:
    """array_to_blob(array, diff), serialized, in pieces; float32 values are not copied."""
    shape = BlobProto(shape=BlobShape(dim=np.shape(array)))
    pieces = [shape.SerializeToString(), *_packed(BlobProto.DATA_FIELD_NUMBER, array)]
    if diff is not None:
        pieces += _packed(BlobProto.DIFF_FIELD_NUMBER, diff)
    return pieces


def _packed(number: int, values: ArrayLike) -> list[bytes | memoryview]:
    """A packed field of floats: its header and its values."""
    floats = np.ascontiguousarray(values, '<f4')
    raw = floats.reshape(-1).view(np.uint8)
    return [wire.header(number, raw.size), raw.data]
