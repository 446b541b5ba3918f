"""goodinit init: weights written, tables printed, the user's mistakes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from goodinit.feeding.fed_net import FedNet
from goodinit.initializers import PRESETS
from goodinit.netlib import Net
from goodinit.proto import read_net, read_weights
from goodinit.proto.caffe_pb2 import TEST
from goodinit.tools import init_net
from goodinit.tools.init_net import main
from PIL import Image
from toolkit import DEPLOY, LOSS, initialized, json_of, samples, train_val, written


def arrays(caffemodel):
    return {
        layer.name: [np.array(blob.data) for blob in layer.blobs]
        for layer in read_weights(caffemodel).layer
        if layer.blobs
    }


def test_lsuv_is_the_default(tmp_path, capsys):
    proto, data = written(tmp_path), samples(tmp_path)
    found = json_of(main, ['--proto', proto, '--data', data, '--batches', 1], capsys)
    assert found['method'] == 'lsuv' and found['samples'] == 32 and found['seed'] == 0
    assert found['out'] == str(tmp_path / 'net.caffemodel') and Path(found['out']).exists()
    assert [layer['layer'] for layer in found['layers']] == ['conv', 'ip']
    for layer in found['layers']:
        assert {'output_mean', 'output_std', 'weight_std', 'change_rate', 'change_rate_cv'} <= set(
            layer['before']
        )
        assert abs(layer['after']['output_std'] ** 2 - 1) < 0.02
        assert set(layer['before']) == set(layer['after'])
    assert found['layers'][0]['before']['weight_std'] == pytest.approx(0.3, rel=0.2)


def test_the_weights_do_what_the_table_says(tmp_path):
    """Oracle: a pass over the same samples, its variances taken by NumPy."""
    out = initialized(tmp_path, '--batch-size', '40')
    net = Net(tmp_path / 'net.prototxt', TEST, load=out)
    net.blobs['data'].reshape(40, 3, 8, 8)
    net.blobs['data'].data = np.load(tmp_path / 'x.npy')
    net.forward(end='conv')
    assert net.blobs['conv'].data.var() == pytest.approx(1, abs=0.02)
    net.forward(start='relu')
    assert net.blobs['ip'].data.var() == pytest.approx(1, abs=0.02)


def test_opencv_reads_the_caffemodel(tmp_path):
    cv2 = pytest.importorskip('cv2')
    out = initialized(tmp_path)
    theirs = cv2.dnn.readNetFromCaffe(str(tmp_path / 'net.prototxt'), str(out))
    x = np.load(tmp_path / 'x.npy')[:2]
    theirs.setInput(x)
    ours = Net(tmp_path / 'net.prototxt', TEST, load=out)
    ours.blobs['data'].data = x
    ours.forward()
    np.testing.assert_allclose(theirs.forward(), ours.blobs['prob'].data, rtol=1e-4, atol=1e-5)


def test_the_caffemodel_has_the_layers_of_the_file(tmp_path):
    norm = (
        'layer { name: "bn" type: "BatchNorm" bottom: "ip" top: "ip" '
        'batch_norm_param { use_global_stats: true } }\n'
    )
    accuracy = (
        'layer { name: "right" type: "Accuracy" bottom: "ip" bottom: "label" top: "right" }\n'
    )
    text = train_val(transform='scale: 0.5 crop_size: 8 mean_value: 1 mean_value: 2 mean_value: 3')
    text = text.replace(LOSS, '\n' + norm + accuracy + LOSS)
    saved = read_weights(initialized(tmp_path, text=text)).layer
    layers = {layer.name: layer for layer in saved}
    assert [layer.name for layer in saved] == [
        'images',
        'label_images_1_split',
        'conv',
        'relu',
        'drop',
        'ip',
        'bn',
        'ip_bn_0_split',
        'right',
        'loss',
    ]
    for wanted in read_net(tmp_path / 'net.prototxt').layer:
        kept = layers[wanted.name]
        del kept.blobs[:]
        wanted.ClearField('origin')
        kept.bottom[:] = wanted.bottom  # a net's splits rename them
        assert kept == wanted


def test_nothing_is_measured_that_nobody_sees(tmp_path, monkeypatch):
    measured = initialized(tmp_path, '--json').read_bytes()
    monkeypatch.setattr(FedNet, 'measure', None)
    assert initialized(tmp_path, '--force').read_bytes() == measured


def test_the_seed_decides(tmp_path):
    first = initialized(tmp_path).read_bytes()
    assert initialized(tmp_path, '--force').read_bytes() == first
    assert initialized(tmp_path, '--force', '--seed', '1').read_bytes() != first


@pytest.mark.parametrize('engine', ['checked:reference', 'fast'])
def test_engines_agree(engine, tmp_path):
    first = arrays(initialized(tmp_path))
    again = arrays(initialized(tmp_path, '--force', '--engine', engine))
    for name in ('conv', 'ip'):
        np.testing.assert_allclose(again[name][0], first[name][0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('method', sorted(set(PRESETS) - {'gradinit'}))  # it needs a loss
def test_every_method_runs(method, tmp_path):
    weights = arrays(initialized(tmp_path, '--method', method, '--batch-size', '40'))
    assert all(np.isfinite(values).all() for values in weights['conv'] + weights['ip'])


def test_methods_are_made_of_parts(tmp_path, capsys):
    proto, data = written(tmp_path), samples(tmp_path)
    found = json_of(
        main,
        [
            '--proto',
            proto,
            '--data',
            data,
            '--dry-run',
            '--method',
            'kmeans',
            '--weights-from',
            'pca',
            '--normalize',
            'within',
            '--between',
            'none',
            '--beta',
            '0.25',
            '--memory',
            '1MB',
        ],
        capsys,
    )
    assert found['out'] is None and not list(tmp_path.glob('*.caffemodel'))
    recipe = found['recipe']
    assert (recipe['weights_from'], recipe['normalize'], recipe['between']) == (
        'pca',
        'within',
        'none',
    )
    assert recipe['beta'] == 0.25 and recipe['memory'] == 1_000_000
    assert found['layers'][0]['after']['output_mean'] == pytest.approx(0.25, abs=1e-3)


def test_trained_weights_are_kept_and_rescaled(tmp_path):
    trained = tmp_path / 'trained.caffemodel'
    initialized(tmp_path, '--method', 'filler').rename(trained)
    kept = arrays(initialized(tmp_path, '--weights', str(trained)))
    before = arrays(trained)
    ratio = kept['conv'][0] / before['conv'][0]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
    assert abs(ratio[0] - 1) > 0.1


def test_layers_and_trained_weights_together(tmp_path):
    trained = tmp_path / 'trained.caffemodel'
    initialized(tmp_path, '--method', 'filler').rename(trained)
    changed = arrays(
        initialized(
            tmp_path,
            '--weights',
            str(trained),
            '--layers',
            '^ip$',
            '--weights-from',
            'msra',
            '--normalize',
            'none',
        )
    )
    np.testing.assert_array_equal(changed['conv'][0], arrays(trained)['conv'][0])
    assert abs(changed['ip'][0] - arrays(trained)['ip'][0]).max() > 0.1


def test_layers_that_only_one_side_has_are_said(tmp_path, capsys):
    trained = tmp_path / 'trained.caffemodel'
    initialized(tmp_path).rename(trained)
    renamed = written(tmp_path, DEPLOY.replace('name: "ip"', 'name: "fc"'), 'renamed.prototxt')
    found = json_of(
        main,
        ['--proto', renamed, '--data', tmp_path / 'x.npy', '--weights', trained, '--dry-run'],
        capsys,
    )
    assert f'{trained}: ignoring layers that the net lacks: ip' in found['notes']
    assert f'{trained}: lacks some layers, which keep their fillers: fc' in found['notes']


def test_the_table(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(['--proto', 'lenet', '--batch-size', '16']) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split() == ['before', '|', 'after']
    assert lines[1].split() == [
        'layer',
        *(half := ['mean', 'std', 'W', 'std', 'rate', 'rate', 'cv']),
        '|',
        *half,
    ]
    assert [line.split()[0] for line in lines[2:]] == ['conv1', 'conv2', 'ip1', 'ip2']
    assert len({len(line) for line in lines[1:]}) == 1 and max(map(len, lines)) <= 100
    assert 'its source mnist_train_lmdb does not exist' in err and "scikit-learn's digits" in err
    assert (
        'weights written to lenet.caffemodel' in err
        and 'greatest change rate over the smallest:' in err
    )
    assert 'in short: signals keep their size: the outputs of the 4 layers have standard ' in err
    assert '\033' not in out + err
    assert set(arrays('lenet.caffemodel')) == {'conv1', 'conv2', 'ip1', 'ip2'}


def test_quiet_is_quiet(tmp_path, capsys):
    initialized(tmp_path)
    assert capsys.readouterr() == ('', '')


def test_the_picture_of_the_filters(tmp_path):
    initialized(tmp_path, '--filters', str(tmp_path / 'filters.png'))
    with Image.open(tmp_path / 'filters.png') as picture:
        assert picture.width > 500


def test_the_picture_of_the_filters_is_explained_in_a_line(tmp_path, capsys):
    arguments = ['--proto', written(tmp_path), '--data', samples(tmp_path), '--dry-run']
    assert main([*arguments, '--filters', str(tmp_path / 'filters.pdf')]) == 0
    assert (tmp_path / 'filters.pdf').read_bytes().startswith(b'%PDF')
    assert (
        f"{tmp_path}/filters.pdf: the 4 filters of 'conv', 3 x 3 x 3 each, their channels as blue, "
        'green, red; gray is 0\n'
    ) in capsys.readouterr().err


def test_skipped_images_are_counted(tmp_path, capsys):
    folder = tmp_path / 'images'
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(5):
        Image.fromarray(rng.integers(0, 255, (9, 12, 3), np.uint8)).save(folder / f'{i}.png')
    (folder / 'broken.png').write_text('no image')
    found = json_of(main, ['--proto', written(tmp_path), '--data', folder, '--dry-run'], capsys)
    notes = ' '.join(found['notes'])
    assert (
        '1 of 6 images could not be used; the first:' in notes
        and 'only 5 of the 32 samples' in notes
    )
    assert (
        'statistics of so few samples (5) are rough' in notes
        and found['inputs']['data']['std'] > 30
    )


def test_a_constant_input_is_said(tmp_path, capsys):
    np.save(tmp_path / 'c.npy', np.ones((20, 3, 8, 8), np.float32))
    found = json_of(
        main, ['--proto', written(tmp_path), '--data', tmp_path / 'c.npy', '--dry-run'], capsys
    )
    assert "input 'data' is constant" in found['notes']


def test_the_script_runs_as_a_file(tmp_path):
    script = Path(init_net.__file__)
    command = [
        sys.executable,
        '-W',
        'error',
        script,
        '--proto',
        'lenet',
        '--json',
        '--batch-size',
        '16',
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == '' and json.loads(done.stdout)['out'] == 'lenet.caffemodel'
    assert os.listdir(tmp_path) == ['lenet.caffemodel']
