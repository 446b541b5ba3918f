"""Weights as NVIDIA's fork stores them, as bytes."""

from goodinit.proto import caffe_pb2 as pb
from goodinit.proto import write_weights

DTYPES = {pb.FLOAT16: '<f2', pb.FLOAT: '<f4', pb.DOUBLE: '<f8'}


def raw(array, type, diff=False):
    """A blob as NVIDIA's fork stores it."""
    blob = pb.BlobProto(shape=pb.BlobShape(dim=array.shape))
    blob.raw_data_type, blob.raw_data = type, array.astype(DTYPES[type]).tobytes()
    if diff:
        blob.raw_diff_type, blob.raw_diff = type, (-array).astype(DTYPES[type]).tobytes()
    return blob


def caffemodel(tmp_path, blobs):
    path = tmp_path / 'x.caffemodel'
    write_weights(pb.NetParameter(layer=[pb.LayerParameter(name='bn', blobs=blobs)]), path)
    return path
