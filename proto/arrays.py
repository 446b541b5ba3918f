"""BlobProto to NumPy and back, at the speed of memory (protobuf's own lists give one number at a
time)."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import wire
from .caffe_pb2 import DOUBLE, FLOAT, FLOAT16, BlobProto, BlobShape, Type
from .errors import ProtoError

RAW = {DOUBLE: '<f8', FLOAT: '<f4', FLOAT16: '<f2'}
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
    values = _values(blob, 'diff' if diff else 'data').astype(np.float32, copy=False)
    shape = blob_shape(blob)
    needed = math.prod(shape)
    if values.size != needed:
        extents = ' x '.join(map(str, shape)) or '()'
        raise ProtoError(f'blob of shape {extents} needs {needed} values, but has {values.size}')
    return values.reshape(shape)


def is_raw(blob: BlobProto) -> bool:
    """Whether the blob is stored as in NVIDIA's fork, which BVLC's Caffe cannot read."""
    return bool(blob.raw_data or blob.raw_diff)


def without_raw(blob: BlobProto) -> None:
    """Store a raw blob as BVLC's Caffe does. Raises ProtoError as blob_to_array does."""
    diff = blob_to_array(blob, diff=True) if blob.raw_diff else None
    array_to_blob(blob_to_array(blob), diff, blob)


def _values(blob: BlobProto, kind: str) -> NDArray:
    """The values ('data') or gradients ('diff'), as they are stored."""
    if len(getattr(blob, f'double_{kind}')):
        return _payload(blob, f'double_{kind}', np.float64)
    if getattr(blob, f'raw_{kind}') and not len(getattr(blob, kind)):
        return _raw(blob, kind)
    return _payload(blob, kind, np.float32)


def _raw(blob: BlobProto, kind: str) -> NDArray:
    """The numbers of a field of bytes. Raises ProtoError."""
    number = getattr(blob, f'raw_{kind}_type')
    data = getattr(blob, f'raw_{kind}')
    dtype = RAW.get(number)
    if dtype is None:
        raise ProtoError(
            f'raw_{kind}_type: found {Type.Name(number)}, needed: FLOAT, FLOAT16 or DOUBLE'
        )
    size = np.dtype(dtype).itemsize
    if len(data) % size:
        raise ProtoError(f'raw_{kind}: found {len(data)} bytes, needed: a multiple of {size}')
    return np.frombuffer(data, dtype)


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
