"""Weights in HDF5: Caffe's file, the layout that it wrote, and what cannot be read or written."""

import sys

import golden
import h5py
import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.errors import GoodinitError, NetError
from goodinit.proto import ProtoError, parse_net
from goodinit.proto.caffe_pb2 import TEST
from goodinit.tools import init_net
from goodinit.tools import stats as net_stats
from goodinit.tools.cli import initialize_and_report
from toolkit import BODY, DEPLOY, IMAGES, fails, initialized, json_of, samples, written

MODEL = golden.HERE / 'io' / 'model.npz'
FILE = MODEL.with_suffix('.caffemodel.h5')
NET = """layer { name: "data" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "h" param { name: "w" }
  inner_product_param { num_output: 3 } }
layer { name: "b" type: "InnerProduct" bottom: "h" top: "y" param { name: "w" }
  inner_product_param { num_output: 3 } }"""
UNSHARED = NET.replace('param { name: "w" }', '')


def make(text=NET, seed=1):
    """A net with random parameters and gradients."""
    net = Net(parse_net(text, 'net.prototxt'), TEST)
    rng = np.random.default_rng(seed)
    for param in net.all_params():
        param.data, param.diff = rng.standard_normal((2, *param.shape))
    return net


def tree(path):
    """{name: array, or None for a group} of a file."""
    out = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: out.update(
                {name: item[...] if isinstance(item, h5py.Dataset) else None}
            )
        )
    return out


def same(net, other):
    return all(
        np.array_equal(p.data, q.data)
        for p, q in zip(net.all_params(), other.all_params(), strict=True)
    )


def test_a_recorded_file(tmp_path):
    """What Caffe wrote is read, also under another name, and written with the same content."""
    (tmp_path / 'model').write_bytes(FILE.read_bytes())
    with np.load(MODEL) as recorded:
        for path in (FILE, tmp_path / 'model'):
            net = Net(parse_net(str(recorded['prototxt'])), TEST, load=path)
            for key, layer, i in golden.split_keys(recorded, 'param/'):
                np.testing.assert_array_equal(net.params[layer][i].data, recorded[key], err_msg=key)
        net.save(tmp_path / 'ours.h5')
        listing = [
            name + ('/' if array is None else f' {array.shape} {array.dtype}')
            for name, array in tree(tmp_path / 'ours.h5').items()
        ]
        assert sorted(listing) == sorted(recorded['caffemodel_h5_tree'])
    theirs = tree(FILE)
    for name, array in tree(tmp_path / 'ours.h5').items():
        np.testing.assert_array_equal(array, theirs[name])


@pytest.mark.parametrize('name', ['w.h5', 'w.hdf5'])
def test_there_and_back(name, tmp_path):
    net, other = make(), make(seed=2)
    net.save(tmp_path / name)
    assert other.copy_from(tmp_path / name) == [] and same(net, other)
    content = (tmp_path / name).read_bytes()
    other.save(tmp_path / name)
    assert (tmp_path / name).read_bytes() == content


def test_gradients_are_stored_where_asked(tmp_path):
    """A shared parameter has its values at the owner alone, its gradient at each layer."""
    net = make()
    net.save(tmp_path / 'w.h5', diffs=True)
    found = tree(tmp_path / 'w.h5')
    assert {name for name, array in found.items() if array is not None} == {
        'data/a/0',
        'data/a/1',
        'data/b/1',
        'diff/a/0',
        'diff/a/1',
        'diff/b/0',
        'diff/b/1',
    }
    for layer, params in net.params.items():
        for i, param in enumerate(params):
            np.testing.assert_array_equal(found[f'diff/{layer}/{i}'], param.diff)
    assert make(seed=2).copy_from(tmp_path / 'w.h5') == []


def test_numbers_of_any_type_and_unknown_layers(tmp_path):
    with h5py.File(tmp_path / 'w.h5', 'w') as file:
        file['data/a/0'], file['data/a/1'] = np.arange(9.0).reshape(3, 3), np.arange(3)
        file['data/other/0'] = [1.0]
    net = make()
    assert net.copy_from(tmp_path / 'w.h5') == ['other']
    np.testing.assert_array_equal(net.params['a'][0].data, np.arange(9).reshape(3, 3))
    np.testing.assert_array_equal(net.params['a'][1].data, [0, 1, 2])


@pytest.mark.parametrize(
    ('datasets', 'error', 'message'),
    [
        (
            {'data/a/0': np.ones((3, 4)), 'data/a/1': np.ones(3)},
            NetError,
            r"w\.h5: Cannot copy param 0 weights from layer 'a'; "
            r'shape mismatch.  Source param shape is 3 4 \(12\); target '
            r'param shape is 3 3 \(9\). '
            r"To learn this layer's parameters from scratch .* rename the layer",
        ),
        (
            {'data/a/0': np.ones((3, 3))},
            NetError,
            r'w\.h5: Incompatible number of blobs for layer a: the file has 1, the net 2',
        ),
        (
            {'data/a/1': np.ones(3)},
            NetError,
            'Incompatible number of blobs for layer a: the file has 1, the net 2',
        ),
        (
            {'data/a/0': np.ones((3, 3)), 'data/a/1': np.ones(3), 'data/a/2': 1.0},
            NetError,
            'Incompatible number of blobs for layer a: the file has 3, the net 2',
        ),
        (
            {'data/a/kernel': np.ones(3)},
            ProtoError,
            r"w\.h5: data/a must hold numeric datasets called 0, 1, \.\.\.; found 'kernel'",
        ),
        ({'data/a/0': 'text'}, ProtoError, r"w\.h5: dataset '/data/a/0' holds object; needed: num"),
        ({'data/a/0/0': 1.0}, ProtoError, 'data/a must hold numeric datasets'),
        ({'data/a': 1.0}, ProtoError, r"w\.h5: data/a must hold numeric datasets .*; found 'a'"),
        ({'data/a/99999999999': 1.0}, ProtoError, "found '99999999999'"),
        (
            {'model/a': 1.0, 'iter': 1},
            ProtoError,
            r"w\.h5: holds no weights: it has no group 'data', but iter, model",
        ),
        ({}, ProtoError, "it has no group 'data', but nothing"),
    ],
)
def test_files_that_do_not_fit(datasets, error, message, tmp_path):
    with h5py.File(tmp_path / 'w.h5', 'w') as file:
        for name, values in datasets.items():
            file[name] = values
    with pytest.raises(error, match=message):
        make().copy_from(tmp_path / 'w.h5')


def test_only_a_net_that_shares_can_do_without(tmp_path):
    make().save(tmp_path / 'w.h5')
    with pytest.raises(
        NetError, match='Incompatible number of blobs for layer b: the file has 1, the net 2'
    ):
        make(UNSHARED).copy_from(tmp_path / 'w.h5')


@pytest.mark.parametrize('content', [b'', b'text', b'\x89HDF\r\n\x1a\n' + bytes(50)])
def test_files_of_another_kind(content, tmp_path):
    (tmp_path / 'w.h5').write_bytes(content)
    with pytest.raises(ProtoError, match=r'w\.h5: not an HDF5 file, or damaged: '):
        make().copy_from(tmp_path / 'w.h5')
    with pytest.raises(ProtoError, match=r'File not found: no\.h5'):
        make().copy_from('no.h5')


def test_damaged_files(tmp_path):
    """A file that is cut short, or whose start was overwritten, is an error that we know, never
    another one."""
    make().save(tmp_path / 'w.h5')
    whole = (tmp_path / 'w.h5').read_bytes()
    for length in range(8, len(whole) - 1, 97):
        (tmp_path / 'w.h5').write_bytes(whole[:length])
        with pytest.raises(ProtoError, match='damaged'):
            make().copy_from(tmp_path / 'w.h5')
    for at in range(8, 900, 13):
        (tmp_path / 'w.h5').write_bytes(
            whole[:at] + bytes(b ^ 255 for b in whole[at : at + 4]) + whole[at + 4 :]
        )
        try:
            make().copy_from(tmp_path / 'w.h5')
        except GoodinitError as error:
            assert '\n' not in str(error)


def test_names_that_hdf5_cannot_hold(tmp_path):
    for name in ('a/b', '.'):
        net = make(NET.replace('name: "a"', f'name: "{name}"'))
        message = (
            rf"layer '{name}' .*: Error saving weights to .*o\.h5: "
            r".* unique layer names without '/'\. "
            r'Rename the layer, or write a \.caffemodel'
        )
        with pytest.raises(NetError, match=message):
            net.save(tmp_path / 'o.h5')
    with pytest.raises(NetError, match=r"layer 'a' .*Error saving weights"):
        make(UNSHARED.replace('name: "b"', 'name: "a"')).save(tmp_path / 'o.h5')
    assert not list(tmp_path.iterdir())


def test_an_interrupted_save_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    make().save(tmp_path / 'w.h5')
    before = (tmp_path / 'w.h5').read_bytes()
    monkeypatch.setattr('os.replace', interrupt)
    for name in ('w.h5', 'new.h5'):
        with pytest.raises(KeyboardInterrupt):
            make(seed=2).save(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ['w.h5'] and (
        tmp_path / 'w.h5'
    ).read_bytes() == before
    with pytest.raises(ProtoError, match=r'cannot write .*no/w\.h5: there is no folder'):
        make().save(tmp_path / 'no' / 'w.h5')


def test_without_h5py(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'h5py', None)
    for step in (make().copy_from, make().save):
        with pytest.raises(
            GoodinitError, match=r"this needs the package 'h5py' .*pip install 'goodinit\[data\]'"
        ):
            step(FILE if step.__name__ == 'copy_from' else tmp_path / 'w.h5')


# -- the tools


def test_init_and_stats(tmp_path, capsys):
    """The same weights come out as in a caffemodel, and go in again."""
    binary = initialized(tmp_path)
    arguments = ['--proto', tmp_path / 'net.prototxt', '--data', tmp_path / 'x.npy']
    json_of(init_net.main, [*arguments, '--out', tmp_path / 'out.h5'], capsys)
    net, other = (
        Net(tmp_path / 'net.prototxt', TEST, load=path) for path in (binary, tmp_path / 'out.h5')
    )
    assert same(net, other) and net.params['ip'][0].data.any()
    found = [
        json_of(net_stats.main, [*arguments, '--weights', path], capsys)
        for path in (binary, tmp_path / 'out.h5')
    ]
    assert found[0]['layers'] == found[1]['layers'] and found[1]['notes'] == []
    kept = json_of(
        init_net.main, [*arguments, '--weights', tmp_path / 'out.h5', '--dry-run'], capsys
    )
    assert kept['recipe']['weights_from'] == 'keep'


def test_shared_weights_are_not_said_to_be_missing(tmp_path, capsys):
    text = f'{IMAGES}{BODY}\n' + '\n'.join(
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "ip" top: "{name}" '
        'param { name: "w" } '
        'inner_product_param { num_output: 5 bias_term: false } }'
        for name in 'pq'
    )
    make(text).save(tmp_path / 'w.h5')
    arguments = [
        '--proto',
        written(tmp_path, text),
        '--data',
        samples(tmp_path),
        '--weights',
        tmp_path / 'w.h5',
    ]
    assert not [
        note for note in json_of(net_stats.main, arguments, capsys)['notes'] if 'w.h5' in note
    ]


def test_a_net_that_cannot_be_saved_is_refused_before_the_work(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(initialize_and_report, 'initialize', None)
    arguments = [
        '--proto',
        written(tmp_path, DEPLOY.replace('name: "ip"', 'name: "a/ip"')),
        '--data',
        samples(tmp_path),
        '--out',
        tmp_path / 'o.h5',
    ]
    message = fails(init_net.main, arguments, capsys)
    assert "layer 'a/ip'" in message and f'Error saving weights to {tmp_path / "o.h5"}: ' in message
