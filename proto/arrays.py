"""BlobProto to NumPy and back, as fast as memory (protobuf's own lists hand out one number at a
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

    The array may be read-only. Raises ProtoError when the number of values is not that of the
    shape.
    """
    singles, doubles = ('diff', 'double_diff') if diff else ('data', 'double_data')
    if len(getattr(blob, doubles)):
        values = _payload(blob, doubles, np.float64).astype(np.float32)
    else:
        values = _payload(blob, singles, np.float32)
    shape = blob_shape(blob)
    if values.size != math.prod(shape):
        extents = ' x '.join(map(str, shape)) or '()'
        raise ProtoError(
            f'blob of shape {extents} needs {math.prod(shape)} values, but has {values.size}'
        )
    return values.reshape(shape)


def _payload(blob: BlobProto, name: str, dtype: type) -> NDArray:
    field = BlobProto.DESCRIPTOR.fields_by_name[name]
    data = blob.SerializeToString()
    little = np.dtype(dtype).newbyteorder('<')
    for part in wire.split(data):
        if part.number == field.number:
            return np.frombuffer(
                data, little, (part.end - part.payload) // little.itemsize, part.payload
            )
    return np.empty(0, little)


def array_to_blob(
    array: ArrayLike, diff: ArrayLike | None = None, blob: BlobProto | None = None
) -> BlobProto:
    """A BlobProto with the values, and perhaps the gradients, as float32; into `blob` when one is
    given."""
    blob = BlobProto() if blob is None else blob
    blob.ParseFromString(b''.join(serialized_blob(array, diff)))
    return blob


def serialized_blob(array: ArrayLike, diff: ArrayLike | None = None) -> list[bytes | memoryview]:
    """What array_to_blob(array, diff) is in a file, in pieces; float32 values are not copied."""
    pieces: list[bytes | memoryview] = [
        BlobProto(shape=BlobShape(dim=np.shape(array))).SerializeToString()
    ]
    for number, values in (
        (BlobProto.DATA_FIELD_NUMBER, array),
        (BlobProto.DIFF_FIELD_NUMBER, diff),
    ):
        if values is not None:
            raw = np.ascontiguousarray(values, '<f4').reshape(-1).view(np.uint8)
            pieces += [wire.header(number, raw.size), raw.data]
    return pieces
