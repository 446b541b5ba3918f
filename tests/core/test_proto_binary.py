"""Binary files: weights, states, arrays; whole or not at all."""

import errno
import os

import numpy as np
import pytest
from goodinit.proto import (
    ProtoError,
    array_to_blob,
    atomic_write,
    blob_to_array,
    parse_net,
    read_blob,
    read_solver_state,
    read_weights,
    write_binary,
    write_weights,
)
from goodinit.proto import caffe_pb2 as pb


def weights():
    net = parse_net(
        'name: "n" layer { name: "ip" type: "InnerProduct" inner_product_param { num_output: 4 } }'
    )
    array_to_blob(np.arange(12).reshape(4, 3), blob=net.layer[0].blobs.add())
    return net


def test_weights_are_written_as_protobuf_does(tmp_path):
    net, path = weights(), tmp_path / 'w.caffemodel'
    write_weights(net, path)
    assert net.layer[0].origin
    net.layer[0].ClearField('origin')
    assert path.read_bytes() == net.SerializeToString()
    assert read_weights(path) == net


def test_state_and_mean(tmp_path):
    state = pb.SolverState(iter=7, learned_net='a', current_step=2, history=[array_to_blob([1, 2])])
    write_binary(state, tmp_path / 's')
    assert read_solver_state(tmp_path / 's') == state
    write_binary(array_to_blob(np.ones((3, 2, 2))), tmp_path / 'm')
    assert blob_to_array(read_blob(tmp_path / 'm')).shape == (3, 2, 2)


@pytest.mark.parametrize('shape', [(), (1,), (2, 3), (2, 0), (2, 3, 4, 5, 6)])
def test_arrays(shape):
    rng = np.random.default_rng(0)
    data, diff = rng.standard_normal(shape), rng.standard_normal(shape)
    blob = array_to_blob(data, diff)
    assert blob.data == list(np.float32(data).ravel())
    np.testing.assert_array_equal(blob_to_array(blob), np.float32(data))
    np.testing.assert_array_equal(blob_to_array(blob, diff=True), np.float32(diff))


@pytest.mark.parametrize(
    'blob, shape',
    [
        (pb.BlobProto(num=1, channels=2, height=1, width=3, data=range(6)), (1, 2, 1, 3)),
        (pb.BlobProto(shape={'dim': [2, 3]}, double_data=range(6)), (2, 3)),
        (pb.BlobProto(shape={'dim': [3, 2]}, double_data=range(6), data=[9]), (3, 2)),
    ],
)
def test_older_forms_of_arrays(blob, shape):
    array = blob_to_array(blob)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, np.arange(6).reshape(shape))


@pytest.mark.parametrize(
    'blob', [pb.BlobProto(shape={'dim': [2, 3]}, data=[1]), pb.BlobProto(num=1, data=[1])]
)
def test_arrays_of_the_wrong_size(blob):
    with pytest.raises(ProtoError, match=r'blob of shape .* x .* needs \d+ values, but has 1'):
        blob_to_array(blob)


def test_blob_is_emptied_before_it_is_filled():
    blob = pb.BlobProto(num=1, data=[5, 6])
    assert blob_to_array(array_to_blob([1.5], blob=blob)).tolist() == [1.5]


def test_foreign_fields_do_no_harm(tmp_path):
    # sigma 1.0 of a fork's field 148 reads as clip_param { min: 1 }, whose max is required.
    layer = pb.LayerParameter(name='l', blobs=[array_to_blob([1])]).SerializeToString()
    layer += b'\xa2\x09\x05\x0d\x00\x00\x80\x3f'
    (tmp_path / 'w').write_bytes(b'\xa2\x06' + bytes([len(layer)]) + layer)
    assert blob_to_array(read_weights(tmp_path / 'w').layer[0].blobs[0]) == [1]


WHOLE = weights().SerializeToString()
DAMAGED = [
    (b'', 'the file is empty'),
    (
        WHOLE[:-5],
        r'not a caffemodel, or damaged: truncated: \d+ bytes, but at least \d+ are needed',
    ),
    (WHOLE[:3] + b'\x80', 'truncated: 4 bytes, and the last field is incomplete'),
    (b'\x89HDF\r\n\x1a\n' + bytes(50), 'it is an HDF5 file, not a binary caffemodel'),
    (
        b'version https://git-lfs.github.com/spec/v1\noid',
        "it is a text file .it begins with 'version https://git",
    ),
    (b'\x07' * 40, 'byte 0 begins no protobuf field'),
    (b'\x00' * 40, 'byte 0 begins no protobuf field'),
    (b'\x08' + b'\xff' * 40, 'byte 1 begins no protobuf number'),
    (b'\xa2\x06\x02\x0a\xff', 'not a caffemodel, or damaged: '),
    (b'\x12\x03\x12\x01\xff', 'wrong file type, or damaged: .* invalid start byte'),
    (array_to_blob(np.ones(9)).SerializeToString(), 'not a caffemodel: it contains no layers'),
    (
        pb.NetParameter(layer=[{}], layers=[{}]).SerializeToString(),
        'either `layer` or the older `layers`',
    ),
]


@pytest.mark.parametrize('content, message', DAMAGED)
def test_damaged_weights(tmp_path, content, message):
    path = tmp_path / 'w.caffemodel'
    path.write_bytes(content)
    with pytest.raises(ProtoError, match=f'^{path}: .*{message}'):
        read_weights(path)


@pytest.mark.parametrize(
    'read, message',
    [
        (read_blob, 'not a BlobProto: it contains no values'),
        (read_solver_state, 'not a solverstate: it contains no iter'),
    ],
)
def test_weights_where_something_else_is_needed(tmp_path, read, message):
    (tmp_path / 'w').write_bytes(pb.NetParameter(name='n').SerializeToString())
    with pytest.raises(ProtoError, match=message):
        read(tmp_path / 'w')


def test_a_state_whose_text_is_damaged(tmp_path):
    (tmp_path / 'w').write_bytes(b'\x08\x01\x12\x01\xff')
    with pytest.raises(ProtoError, match='w: damaged: its learned_net is not text'):
        read_solver_state(tmp_path / 'w')


@pytest.mark.parametrize('read', [read_weights, read_blob, read_solver_state])
def test_missing_files(tmp_path, read):
    with pytest.raises(ProtoError, match=r'^File not found: '):
        read(tmp_path / 'no')
    with pytest.raises(ProtoError, match='is a directory; needed: a file'):
        read(tmp_path)


def test_weights_that_cannot_be_written_leave_the_old_ones(tmp_path):
    path, net = tmp_path / 'w', weights()
    path.write_bytes(b'old')
    net.layer[0].clip_param.min = 1
    with pytest.raises(ProtoError, match=r'cannot write .*/w: .*clip_param\.max'):
        write_weights(net, path)
    assert path.read_bytes() == b'old' and os.listdir(tmp_path) == ['w']


@pytest.mark.parametrize(
    'error', [RuntimeError('x'), KeyboardInterrupt(), FileNotFoundError(2, 'no', 'other')]
)
def test_atomic_write_undoes_everything(tmp_path, error):
    path = tmp_path / 'f'
    path.write_text('old')
    with pytest.raises(type(error)) as raised, atomic_write(path, 'w') as file:
        file.write('new')
        raise error
    assert raised.value is error
    assert path.read_text() == 'old' and os.listdir(tmp_path) == ['f']


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EDQUOT])
def test_full_disk(tmp_path, monkeypatch, number):
    def full(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(ProtoError, match=f'cannot write {tmp_path}/w: {os.strerror(number)}'):
        write_weights(weights(), tmp_path / 'w')
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='needs /dev/full')
def test_full_device():
    with (
        pytest.raises(ProtoError, match='cannot write /dev/full: No space left'),
        atomic_write('/dev/full') as file,
    ):
        file.write(b'x')
    assert os.path.exists('/dev/full')


def test_atomic_write_without_a_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path, message in [
        ('no/f', 'cannot write no/f: there is no folder no'),
        ('.', 'it is a directory'),
    ]:
        with pytest.raises(ProtoError, match=message), atomic_write(path):
            pass


def test_atomic_write_follows_links_and_umask(tmp_path):
    (tmp_path / 'link').symlink_to(tmp_path / 'real')
    with atomic_write(tmp_path / 'link', 'w') as file:
        file.write('é')
    assert (tmp_path / 'link').is_symlink()
    assert (tmp_path / 'real').read_bytes() == 'é'.encode()
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / 'real').stat().st_mode & 0o777 == 0o666 & ~mask
