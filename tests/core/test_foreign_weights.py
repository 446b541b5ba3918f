"""Files of other frameworks given as weights: what they are and the way in, by their content."""

import json
import pickle
import zipfile

import numpy as np
import pytest
from goodinit.netlib.errors import GoodinitError, ProtoError
from goodinit.netlib.weights.formats import read_weights_file
from goodinit.proto import wire
from goodinit.proto.caffe_pb2 import SolverState
from goodinit.tools.init_net import main
from toolkit import DEPLOY, fails, initialized, written

import goodinit


def message(*fields):
    """A serialized message of (number, int or bytes)."""
    out = b''
    for number, value in fields:
        if isinstance(value, int):
            out += bytes([number << 3 | wire.VARINT, value])
        else:
            out += bytes([number << 3 | wire.LENGTH, len(value)]) + value
    return out


def zipped(path, **members):
    with zipfile.ZipFile(path, 'w') as archive:
        for name, content in members.items():
            archive.writestr(name.replace('__', '/'), content)
    return path.read_bytes()


def as_npz(path):
    np.savez(path, weight=np.zeros(3))
    return path.with_suffix('.npz').read_bytes()


def as_npy(path):
    np.save(path, np.zeros(3))
    return path.with_suffix('.npy').read_bytes()


def as_keras(path):
    h5py = pytest.importorskip('h5py')
    with h5py.File(path, 'w') as file:
        file.attrs['keras_version'] = '2.4'
        file['model_weights/conv/conv/kernel:0'] = np.zeros((3, 3, 3, 4))
    return path.read_bytes()


def as_safetensors(path):
    header = json.dumps({'w': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 4]}}).encode()
    return len(header).to_bytes(8, 'little') + header + bytes(4)


NODE = message((1, b'input'), (2, b'Placeholder'))
FILES = {
    'torch zip': (
        lambda path: zipped(path, **{'a__data.pkl': b'x', 'a__data__0': b''}),
        'a PyTorch file',
    ),
    'torch script': (
        lambda path: zipped(path, **{'a__data.pkl': b'', 'a__constants.pkl': b''}),
        'a TorchScript file of PyTorch',
    ),
    'torch legacy': (
        lambda path: pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2) + b'rest',
        'a PyTorch file',
    ),
    'pickle': (lambda path: pickle.dumps({'w': [1.0]}), 'a Python pickle'),
    'npz': (as_npz, 'an .npz file of NumPy'),
    'npy': (as_npy, 'an .npy file of NumPy'),
    'keras h5': (as_keras, 'a Keras model'),
    'keras 3': (lambda path: zipped(path, **{'model.weights.h5': b''}), 'a Keras model'),
    'safetensors': (as_safetensors, 'a safetensors file'),
    'onnx': (lambda path: message((1, 8), (2, b'pytorch'), (7, b'graph')), 'an ONNX model'),
    'graph def': (lambda path: message((1, NODE)), 'a TensorFlow model'),
    'saved model': (lambda path: message((1, 1), (2, message((1, b'x')))), 'a TensorFlow model'),
    'tflite': (lambda path: b'\x1c\0\0\0TFL3' + bytes(20), 'a TensorFlow model'),
    'checkpoint': (
        lambda path: bytes(40) + 0xDB4775248B80FB57.to_bytes(8, 'little'),
        'a TensorFlow model',
    ),
    'matlab': (lambda path: b'MATLAB 5.0 MAT-file, Platform: GLNXA64', 'a MATLAB file'),
    'gzip': (lambda path: b'\x1f\x8b\x08' + bytes(20), 'an archive'),
    'page': (lambda path: b'\n<!DOCTYPE html><html></html>', 'a web page'),
    'lfs': (lambda path: b'version https://git-lfs.github.com/spec/v1\n', 'a pointer of Git LFS'),
    'state': (
        lambda path: SolverState(iter=3, learned_net='x.caffemodel').SerializeToString(),
        'a solverstate',
    ),
}


@pytest.mark.parametrize('suffix', ['.caffemodel', '.h5', '.pth', '.npz', ''])
@pytest.mark.parametrize('kind', FILES)
def test_what_a_file_is_and_the_way_in(kind, suffix, tmp_path):
    """Whatever its name is."""
    make, what = FILES[kind]
    content = make(tmp_path / 'made')
    path = tmp_path / f'w{suffix}'
    path.write_bytes(content)
    if (kind, suffix) == ('npz', '.npz'):
        return
    with pytest.raises(ProtoError, match=f'{path}: is .*{what}.*; the way in: ..') as told:
        read_weights_file(path)
    assert '\n' not in str(told.value)


def test_the_tool_says_so_in_a_line(tmp_path, capsys):
    path = tmp_path / 'w.pth'
    path.write_bytes(FILES['torch zip'][0](tmp_path / 'made'))
    line = fails(main, ['--proto', written(tmp_path), '--weights', path, '--dry-run'], capsys)
    assert line == (
        f'{path}: is a PyTorch file, no weights of Caffe; the way in: weights = torch.load(file, '
        "map_location='cpu', weights_only=True); net.load_state_dict({name: w.numpy() for name, w "
        'in weights.items()}, strict=False), or net.params[layer][0].data = array\n'
    )


def test_nothing_is_unpickled(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / 'ran'), 'w'))

    path = tmp_path / 'w.pkl'
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ProtoError, match='a Python pickle'):
        read_weights_file(path)
    assert not (tmp_path / 'ran').exists()


def test_arrays_by_the_nets_names_are_read(tmp_path):
    weights = {'conv.weight': np.ones((4, 3, 3, 3)), 'conv.bias': np.zeros(4)}
    np.savez(tmp_path / 'w.npz', **weights)
    with pytest.warns(UserWarning, match='lacks some layers, which keep their fillers: ip'):
        net = goodinit.open_net(written(tmp_path), weights=tmp_path / 'w.npz')
    assert (net.params['conv'][0].data == 1).all()


def test_arrays_by_other_names_are_told_the_way_in(tmp_path):
    np.savez(tmp_path / 'w.npz', kernel=np.ones((4, 3, 3, 3)))
    with pytest.raises(GoodinitError) as told:
        goodinit.open_net(written(tmp_path), weights=tmp_path / 'w.npz')
    assert str(told.value).endswith(
        'is in the net, which has conv, ip; from Python, net.params[layer][0].data = array takes '
        'them one by one, and net.load_state_dict takes them all, by the names in net.state_dict()'
    )


@pytest.mark.parametrize('name', ['layers_net', 'x' * 32, '', 'data'])
def test_weights_of_caffe_are_not_taken_for_others(name, tmp_path):
    path = initialized(tmp_path, text=DEPLOY.replace('name: "Small"', f'name: "{name}"'))
    assert [layer.name for layer in read_weights_file(path).layer if layer.blobs] == ['conv', 'ip']
