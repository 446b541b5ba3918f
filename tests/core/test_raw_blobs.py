"""Numbers that NVIDIA's fork stores as bytes."""

import numpy as np
import pytest
from goodinit.proto import ProtoError, array_to_blob, blob_to_array, read_weights
from goodinit.proto import caffe_pb2 as pb
from goodinit.tools import upgrade_net_proto_binary
from raw_blobs import DTYPES, caffemodel, raw

VALUES = np.array([0.5, 1.25, 2])


@pytest.mark.parametrize('type', DTYPES)
def test_raw_numbers(type):
    values = np.arange(6, dtype='f4').reshape(2, 3)
    blob = raw(values, type, diff=True)
    np.testing.assert_array_equal(blob_to_array(blob), values)
    np.testing.assert_array_equal(blob_to_array(blob, diff=True), -values)
    assert blob_to_array(blob).dtype == np.float32


@pytest.mark.parametrize(
    ('type', 'data', 'message'),
    [
        (pb.FLOAT, b'12345678', 'needs 3 values, but has 2'),
        (pb.FLOAT, b'1234567', 'found 7 bytes, needed: a multiple of 4'),
        (pb.INT, bytes(12), 'found INT, needed: FLOAT, FLOAT16 or DOUBLE'),
    ],
)
def test_raw_numbers_that_make_no_sense(type, data, message):
    shape = pb.BlobShape(dim=[3])
    blob = pb.BlobProto(shape=shape, raw_data_type=type, raw_data=data)
    with pytest.raises(ProtoError, match=message):
        blob_to_array(blob)


def test_upgraded_weights_can_be_read_by_bvlcs(tmp_path):
    path, out = caffemodel(tmp_path, [raw(VALUES, pb.FLOAT16, True)]), tmp_path / 'new.caffemodel'
    assert upgrade_net_proto_binary.main([str(path), str(out)]) == 0
    (blob,) = read_weights(out).layer[0].blobs
    assert blob == array_to_blob(VALUES, -VALUES)


def test_damaged_weights_are_not_upgraded(tmp_path, capsys):
    blob = raw(VALUES, pb.FLOAT)
    blob.shape.dim[0] = 4
    path, out = caffemodel(tmp_path, [blob]), tmp_path / 'new.caffemodel'
    assert upgrade_net_proto_binary.main([str(path), str(out)]) == 1
    assert (
        f"{path}: layer 'bn': blob of shape 4 needs 4 values, but has 3" in capsys.readouterr().err
    )
    assert not out.exists()
