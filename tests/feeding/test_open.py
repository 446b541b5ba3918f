"""goodinit.open_net and goodinit.open_data: what a tool does with --data, in three lines."""

import re
import subprocess
import sys

import numpy as np
import pytest
from goodinit.netlib.data import sources
from goodinit.netlib.errors import DataError, GoodinitError
from goodinit.proto import read_weights
from goodinit.tools.init_net import main as init
from PIL import Image
from toolkit import BODY, DEPLOY, IMAGES, initialized, samples, train_val, written

import goodinit

TRANSFORM = 'scale: 0.5 mean_value: 1 mean_value: 2 mean_value: 3'


@pytest.fixture
def images(tmp_path):
    """A folder of images of different sizes."""
    folder = tmp_path / 'images'
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(6):
        pixels = rng.integers(0, 255, (9 + i, 12, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f'{i}.png')
    return folder


def weights(path):
    return [np.array(blob.data) for layer in read_weights(path).layer for blob in layer.blobs]


# -- as the tools


@pytest.mark.parametrize('method', ['lsuv', 'kmeans'])
def test_the_weights_are_those_of_the_tool(method, tmp_path, images):
    """The same seed gives the same weights, from a train_val whose deploy says the shape."""
    written(tmp_path, DEPLOY, 'deploy.prototxt')
    proto = written(tmp_path, train_val(transform=TRANSFORM), 'train_val.prototxt')
    theirs, ours = tmp_path / 'theirs.caffemodel', tmp_path / 'ours.caffemodel'
    command = ['--proto', proto, '--data', str(images), '--method', method, '--batch-size', '3']
    assert init([*command, '--batches', '2', '--out', str(theirs), '--quiet']) == 0

    net = goodinit.open_net(proto)
    data = goodinit.open_data(images, net, batch_size=3, batches=2)
    rng = np.random.default_rng([0, 1003])
    goodinit.initialize(net, data.batches, goodinit.PRESETS[method], rng)
    net.save(ours)
    for one, other in zip(weights(ours), weights(theirs), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_bundled_model_and_images(images):
    """The lines of the documentation."""
    rng = np.random.default_rng(0)
    net = goodinit.open_net('lenet')
    data = goodinit.open_data(images, net)
    goodinit.initialize(net, data.batches, goodinit.PRESETS['lsuv'], rng)
    assert data.batches[0]['data'].shape == (6, 1, 28, 28)
    (row, *_) = goodinit.measure(net, data.batches, rng)
    assert row.output_std == pytest.approx(1, abs=0.02)


def test_the_result_says_what_was_done(tmp_path, images):
    net = goodinit.open_net(written(tmp_path))
    data = goodinit.open_data(images, net, mean=(1, 2, 3), scale=0.5, batch_size=4)
    assert data.describe == f'{images} (6 images), minus 1, 2, 3, times 0.5'
    assert data.samples == 4 and data.labels == set() and not data.notes
    values = data.batches[0]['data']
    assert data.statistics['data']['mean'] == pytest.approx(values.mean(), rel=1e-5)
    assert repr(data).splitlines() == [
        f"Feed: {data.describe}; 4 used; 'data' has mean {values.mean():.3g}, "
        f'std {values.std():.3g}',
        '  1 batch: data 4 x 3 x 8 x 8',
    ]
    (images / 'broken.png').write_text('no image')
    data = goodinit.open_data(images, net)
    assert [note.partition(';')[0] for note in data.notes] == [
        '1 of 7 images could not be used',
        'only 6 of the 32 samples asked for exist',
    ]
    assert repr(data).splitlines()[2:] == [f'  note: {note}' for note in data.notes]


# -- what is transformed, and how


def test_the_transform_param_of_the_data_layer_applies(tmp_path):
    written(tmp_path, DEPLOY, 'deploy.prototxt')
    net = goodinit.open_net(written(tmp_path, train_val(transform=TRANSFORM), 'net.prototxt'))
    values = np.random.default_rng(0).normal(size=(5, 3, 8, 8))
    means = np.array([1, 2, 3]).reshape(3, 1, 1)
    for options, expected in [
        ({}, (values - means) / 2),
        ({'mean': 4}, (values - 4) / 2),
        ({'mean': 0, 'scale': 1}, values),
        ({'mean': np.array([1.0, 2, 3]), 'scale': 2}, (values - means) * 2),
    ]:
        data = goodinit.open_data(values, net, **options)
        order = [np.abs(expected - row).max(axis=(1, 2, 3)).argmin() for row in rows(data)]
        np.testing.assert_allclose(rows(data), expected[order], rtol=1e-4, atol=1e-5)
        assert sorted(order) == list(range(5))


def rows(data):
    return np.concatenate([batch['data'] for batch in data.batches])


def test_crop_cuts_the_center_before_the_image_is_resized(tmp_path):
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[6:14, 6:14] = 200  # all that the crop leaves
    Image.fromarray(pixels).save(tmp_path / 'x.png')
    net = goodinit.open_net(written(tmp_path))
    assert rows(goodinit.open_data(tmp_path / 'x.png', net)).min() == 0
    assert (rows(goodinit.open_data(tmp_path / 'x.png', net, crop=8)) == 200).all()


def test_arrays_with_labels(tmp_path):
    """As the file that holds them; labels beyond the net's classes are clipped."""
    net = goodinit.open_net(written(tmp_path, train_val()), input_shape=(3, 8, 8))
    values = np.random.default_rng(0).normal(size=(6, 3, 8, 8)).astype(np.float32)
    labels = [0, 1, 2, 3, 4, 999]
    np.savez(tmp_path / 'x.npz', data=values, label=labels)
    pair = goodinit.open_data((values, labels), net, seed=3)
    file = goodinit.open_data(tmp_path / 'x.npz', net, seed=3)
    assert pair.labels == {'label'} and sorted(pair.batches[0]['label']) == [0, 1, 2, 3, 4, 4]
    for name in ('data', 'label'):
        np.testing.assert_array_equal(pair.batches[0][name], file.batches[0][name])
    assert pair.describe == 'array: 6 samples of 3 x 8 x 8'


def test_without_a_path_there_are_samples_that_need_no_file():
    data = goodinit.open_data(None, goodinit.open_net('lenet'), batches=2)
    assert [batch['data'].shape for batch in data.batches] == [(32, 1, 28, 28)] * 2
    assert data.describe.startswith("scikit-learn's digits") and data.batches[0]['label'].any()


def test_the_seed_chooses_the_samples(images):
    net = goodinit.open_net('lenet')
    first, same, other = (
        rows(goodinit.open_data(images, net, batch_size=3, seed=seed)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, same)
    assert abs(first - other).max() > 0


def test_a_source_is_opened_once(tmp_path, images, monkeypatch):
    """By the library and by the tools, although its shape decides the net's."""
    opened, really = [], sources.open_store
    calls = []
    monkeypatch.setattr(
        'goodinit.feeding.data_options.open_store',
        lambda spec: opened.append(spec) or really(spec),
    )
    read = sources.read_samples
    monkeypatch.setattr(sources, 'read_samples', lambda path: calls.append(path) or read(path))
    proto, data = written(tmp_path, train_val()), samples(tmp_path)
    assert init(['--proto', proto, '--data', data, '--dry-run', '--quiet']) == 0
    assert (len(opened), len(calls)) == (1, 1)
    goodinit.open_data(images, goodinit.open_net(proto, input_shape=(3, 8, 8)))
    assert (len(opened), len(calls)) == (2, 1)


# -- nets


def test_a_net_of_ones_own_takes_data_too(images, tmp_path):
    net = goodinit.Net(written(tmp_path))
    assert goodinit.open_data(images, net).batches[0]['data'].shape == (6, 3, 8, 8)


def test_parameters_are_filled(tmp_path):
    net = goodinit.open_net(written(tmp_path))
    conv, bias = net.params['conv']
    assert conv.data.std() == pytest.approx(0.3, rel=0.2) and (bias.data == np.float32(0.1)).all()
    again = goodinit.open_net(tmp_path / 'net.prototxt', seed=1)
    assert abs(again.params['conv'][0].data - conv.data).max() > 0.1


@pytest.mark.parametrize('phase', ['test', 1])
def test_the_phase_chooses_layers(phase):
    assert 'accuracy' in goodinit.open_net('lenet', phase).layer_names
    assert 'accuracy' not in goodinit.open_net('lenet').layer_names


def test_weights_of_a_file(tmp_path):
    saved = initialized(tmp_path)
    net = goodinit.open_net(tmp_path / 'net.prototxt', weights=saved)
    np.testing.assert_array_equal(net.params['ip'][0].data.ravel(), weights(saved)[2])
    renamed = written(tmp_path, DEPLOY.replace('name: "ip"', 'name: "fc"'), 'other.prototxt')
    with pytest.warns(UserWarning) as told:
        goodinit.open_net(renamed, weights=saved)
    assert [str(warning.message) for warning in told] == [
        f'{saved}: ignoring layers that the net lacks: ip',
        f'{saved}: lacks some layers, which keep their fillers: fc',
    ]


def test_batch_norm_normalizes_by_its_batch_without_trained_weights(tmp_path):
    norm = (
        'layer { name: "bn" type: "BatchNorm" bottom: "data" top: "data" '
        'batch_norm_param { use_global_stats: true } }'
    )
    proto = written(tmp_path, IMAGES + norm)
    saved = tmp_path / 'x.caffemodel'
    net = goodinit.open_net(proto)
    net.save(saved)
    assert not net.param.layer[1].batch_norm_param.use_global_stats
    trained = goodinit.open_net(proto, weights=saved)
    assert trained.param.layer[1].batch_norm_param.use_global_stats


CONVOLUTIONS = re.sub(r'\nlayer { name: "ip".*', '', BODY)


def test_input_shape_changes_the_samples_of_a_net_that_takes_any(tmp_path):
    net = goodinit.open_net(written(tmp_path, f'name: "Any"\n{IMAGES}{CONVOLUTIONS}'))
    data = goodinit.open_data(None, net, input_shape=(3, 12, 10))
    assert data.batches[0]['data'].shape == (32, 3, 12, 10)
    assert net.blobs['conv'].shape == (32, 4, 10, 8)


def test_input_shape_changes_labels_of_pixels_too():
    net = goodinit.open_net('unet/deploy', input_shape=(1, 32, 32))
    assert net.blobs['data'].shape[1:] == (1, 32, 32)
    net = goodinit.open_net('unet', input_shape=(1, 32, 32))
    data = goodinit.open_data(None, net, input_shape=(1, 48, 32), batch_size=1)
    shapes = {name: values.shape for name, values in data.batches[0].items()}
    assert shapes == {'data': (1, 1, 48, 32), 'label': (1, 1, 48, 32)}


# -- what is wrong


def test_shapes_that_cannot_be_determined(tmp_path):
    proto = written(tmp_path, train_val())
    with pytest.raises(
        GoodinitError, match=r"'data': its height and width .*: give input_shape=\(C, H, W\)"
    ):
        goodinit.open_net(proto)
    assert goodinit.open_net(proto, input_shape=(3, 8, 8)).blobs['data'].shape == (3, 3, 8, 8)


def test_shapes_that_do_not_fit(tmp_path):
    proto = written(tmp_path)
    with pytest.raises(
        GoodinitError, match=r'net\.prototxt: input_shape: found 1 x 3 x 8 x 8; the'
    ):
        goodinit.open_net(proto, input_shape=(1, 3, 8, 8))
    net = goodinit.open_net(proto)
    with pytest.raises(GoodinitError, match='Input size incompatible with inner product'):
        goodinit.open_data(None, net, input_shape=(3, 9, 9))


def test_a_phase_that_does_not_exist():
    with pytest.raises(GoodinitError, match="phase: unknown 'tset'; did you mean 'test'"):
        goodinit.open_net('lenet', 'tset')


def test_nets_without_an_input(tmp_path):
    dummy = 'layer { name: "x" type: "DummyData" top: "x" dummy_data_param { shape { dim: 1 } } }'
    net = goodinit.Net(written(tmp_path, f'name: "Own" {dummy}'))
    with pytest.raises(GoodinitError, match=r"net 'Own' has no Input layer .* goodinit.open_net"):
        goodinit.open_data(None, net)
    label = 'layer { name: "y" type: "Input" top: "y" input_param { shape { dim: 1 } } }'
    net = goodinit.Net(written(tmp_path, f'name: "Own" {label}'))
    with pytest.raises(GoodinitError, match="net 'Own': no input of the net reaches a layer"):
        goodinit.open_data(None, net)


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        ('nowhere', 'data nowhere: no such file or folder'),
        (np.full((2, 3, 8, 8), np.nan), 'data array: sample 0 contains NaN or infinity'),
        (np.zeros((2, 3, 7, 8)), 'array, sample . is 3 x 7 x 8, the net needs 3 x 8 x 8'),
        ((np.zeros((2, 3, 8, 8)), [1]), r"data array: 'label' has shape \(1,\), needed: \(2,\)"),
        (np.zeros(4), r'data array: found float64 of shape \(4,\), needed: numbers of shape'),
    ],
)
def test_data_that_do_not_serve(data, message, tmp_path):
    with pytest.raises(DataError, match=message):
        goodinit.open_data(data, goodinit.open_net(written(tmp_path)))


def test_importing_goodinit_stays_quick():
    """Nothing heavy is imported before its first use."""
    code = 'import goodinit, sys; print(*sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    heavy = {'sklearn', 'PIL.Image', 'matplotlib', 'tqdm', 'lmdb', 'h5py', 'pycuda', 'mpi4py'}
    assert heavy.isdisjoint(done.stdout.split())
