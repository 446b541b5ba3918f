"""`goodinit init` on change rates: what it promises is measured, and on other samples too."""

import json

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.tools import init_net, magic_init
from numpy.lib.stride_tricks import sliding_window_view
from small_nets import conv, data, fc, layer, relu

INCEPTION = (
    data('16 3 16 16')
    + conv('c0', 'data', 16)
    + relu('c0')
    + conv('a', 'c0', 24, 1)
    + conv('b', 'c0', 8, 5, 'pad: 2')
    + layer('Concat', 'cat', 'a b')
    + relu('cat')
    + fc('ip', 'cat', 10)
)


@pytest.fixture
def net(tmp_path):
    path = tmp_path / 'net.prototxt'
    path.write_text(f'name: "net"\n{INCEPTION}', encoding='utf-8')
    return path


def images(tmp_path, count):
    path = tmp_path / f'{count}.npy'
    rng = np.random.default_rng(0)
    np.save(path, rng.standard_normal((count, 3, 16, 16)).astype('f4'))
    return str(path)


def run(argv, capsys):
    assert init_net.main([*argv, '--json', '--force']) == 0
    return json.loads(capsys.readouterr().out)


def correlated(x, weights, bias, pad=0):
    """A convolution by its definition, in float64."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = sliding_window_view(x, weights.shape[2:], axis=(2, 3))
    y = np.einsum('nchwij,ocij->nohw', windows, weights)
    return y + bias[:, None, None]


def scores(path, weights, x):
    """What INCEPTION computes, from its files and without this library's layers."""
    params = {}
    for name, blobs in Net(path, 1, load=str(weights)).params.items():
        params[name] = [blob.data.astype(float) for blob in blobs]
    c0 = np.maximum(correlated(x, *params['c0']), 0)
    a, b = correlated(c0, *params['a']), correlated(c0, *params['b'], pad=2)
    cat = np.maximum(np.concatenate([a, b], axis=1), 0)
    w, bias = params['ip']
    return cat.reshape(len(x), -1) @ w.T + bias


def test_concat_leaves_rates_equal_and_the_function_as_it_was(net, tmp_path, capsys):
    x = images(tmp_path, 16)
    given = ['--proto', str(net), '--data', x, '--batch-size', '16', '--method', 'kmeans']
    before, after = tmp_path / 'before.caffemodel', tmp_path / 'after.caffemodel'
    run([*given, '--between', 'none', '--out', str(before)], capsys)
    found = run([*given, '--out', str(after)], capsys)
    assert found['rates']['apart_on_samples_used'] == pytest.approx(1, abs=1e-3)
    assert found['spread']['after'] < 1.2 < 10 < found['spread']['before']
    samples = np.load(x).astype(float)
    old, new = scores(net, before, samples), scores(net, after, samples)
    moved = abs(new - old).max() / abs(old).max()
    assert moved < 1e-5
    assert found['function_moved'] < 1e-5


@pytest.mark.parametrize('count, held_out', [(40, True), (20, False), (16, False)])
def test_rates_are_measured_on_samples_that_were_not_used(net, tmp_path, capsys, count, held_out):
    given = ['--proto', str(net), '--data', images(tmp_path, count), '--batch-size', '16']
    out = ['--out', str(tmp_path / 'out.caffemodel')]
    found = run([*given, '--between', 'exact', *out], capsys)
    assert found['rates']['held_out'] is held_out
    assert found['rates']['samples'] == 16
    assert 0 < found['rates']['error'] < 0.2
    assert found['rates']['apart_on_samples_used'] == pytest.approx(1, abs=1e-3)
    assert found['spread']['after'] > 1.001  # of other samples, or at least of other losses
    assert init_net.main([*given, '--between', 'exact', *out, '--force']) == 0
    said = capsys.readouterr().err
    others = ' that the initialization did not see' if held_out else ''
    assert f'rates: of 16 samples{others}; standard error ' in said
    assert 'of the largest while rates were evened' in said
    assert ' after (1 on the samples used)' in said


def test_held_out_samples_change_no_weights(net, tmp_path, capsys):
    """Those of the initialization are the same with more samples at hand or with --quiet."""
    weights = []
    for quiet in ([], ['--quiet']):
        out = tmp_path / f'{len(weights)}.caffemodel'
        given = ['--proto', str(net), '--data', images(tmp_path, 40), '--batch-size', '16']
        assert init_net.main([*given, '--method', 'kmeans', '--out', str(out), *quiet]) == 0
        weights.append(out.read_bytes())
    assert weights[0] == weights[1]
    capsys.readouterr()


def test_outputs_after_are_those_of_all_samples(net, tmp_path, capsys):
    given = ['--proto', str(net), '--data', images(tmp_path, 40), '--batch-size', '16']
    found = run([*given, '--out', str(tmp_path / 'out.caffemodel')], capsys)
    for each in found['layers']:
        assert each['after']['output_std'] == pytest.approx(1, abs=0.01)
    assert found['function_moved'] is None
    assert found['rates']['apart_on_samples_used'] is None


def test_a_net_of_one_batch_size_is_measured_on_what_fits(tmp_path, capsys):
    """Four samples are left for a batch of 16, which the Reshape does not take."""
    fixed = layer('Reshape', 'r', 'cat', fields='reshape_param { shape { dim: [16, -1] } }')
    path = tmp_path / 'fixed.prototxt'
    text = INCEPTION.replace(fc('ip', 'cat', 10), fixed + fc('ip', 'r', 10))
    path.write_text(f'name: "net"\n{text}', encoding='utf-8')
    out = ['--out', str(tmp_path / 'out.caffemodel')]
    for count, held_out in ((32, True), (28, False)):
        given = ['--proto', str(path), '--data', images(tmp_path, count), '--batch-size', '16']
        found = run([*given, *out], capsys)
        assert found['rates']['held_out'] is held_out
        assert found['rates']['samples'] == 16


def test_magic_init_says_it_too(net, tmp_path, capsys):
    out = str(tmp_path / 'magic.caffemodel')
    assert magic_init.main([str(net), out, '-cs', '-nit', '1']) == 0
    assert 'of the largest while rates were evened' in capsys.readouterr().err
