"""--gpu: the tools compute on the GPU what they compute on the CPU, and say what is missing."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import places
import pytest
from goodinit.caffe.common import common
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.netlib.engines.cuda.gpu import Gpu
from goodinit.proto import read_weights
from goodinit.solvers import Solver
from goodinit.tools import (
    caffe,
    classify,
    extract_features,
    lsuv_init,
    train,
)
from gpu_runs import PRINTED, WEIGHTS, with_small_nets
from toolkit import written


@pytest.fixture
def opened(monkeypatch, cuda_device):
    """How often an op of a tool reached the device."""
    calls = []
    launch = Gpu.launch
    monkeypatch.setattr(Gpu, 'launch', lambda *args: calls.append(args) or launch(*args))
    monkeypatch.delenv('CUDA_DEVICE', raising=False)
    monkeypatch.setattr(common, 'engine', common.engine)  # classify and detect change it
    return calls


@pytest.fixture
def folder(folder):
    """Small nets with their data and weights, in the current directory."""
    return with_small_nets(folder)


def arrays(path):
    return [np.array(blob.data) for layer in read_weights(path).layer for blob in layer.blobs]


def same(ours, theirs):
    for one, other in zip(arrays(ours), arrays(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * np.abs(other).max(initial=1e-9))


@pytest.mark.cuda
@pytest.mark.parametrize('tool, arguments', WEIGHTS)
def test_the_same_weights(tool, arguments, folder, opened):
    mode = ['OrthonormalLSUV'] if tool is lsuv_init else []
    assert tool.main([*arguments, 'cpu.caffemodel', *mode]) == 0 and not opened
    assert tool.main([*arguments, 'gpu.caffemodel', *mode, '--gpu', '0']) == 0 and opened
    same('gpu.caffemodel', 'cpu.caffemodel')


@pytest.mark.cuda
@pytest.mark.parametrize(
    'tool, arguments, option',
    [
        (train, ['--solver', 'solver.prototxt'], ['--gpu', '0']),
        (caffe, ['train', '-solver', 'solver.prototxt'], ['-gpu', '0']),
        (caffe, ['train', '-solver', 'solver.prototxt'], ['-gpu', 'all']),
    ],
)
def test_the_same_training(tool, arguments, option, folder, opened, cuda_device):
    if option[1] == 'all' and cuda_device == 'real':
        pytest.skip('there may be several GPUs')
    assert tool.main(arguments) == 0 and not opened
    shutil.move('tiny_iter_20.caffemodel', 'cpu.caffemodel')
    assert tool.main([*arguments, *option]) == 0 and opened
    same('tiny_iter_20.caffemodel', 'cpu.caffemodel')


@pytest.mark.cuda
@pytest.mark.parametrize(
    'tool, arguments',
    [
        (train, ['--solver', 'solver.prototxt', '--gpu', '0']),
        (caffe, ['train', '-solver', 'solver.prototxt', '-gpu', '0']),
    ],
)
@pytest.mark.parametrize('option', [[], ['--deterministic']])
def test_determinism_is_an_option_of_training(tool, arguments, option, folder, opened, monkeypatch):
    engines, made = [], Solver.__init__
    monkeypatch.setattr(
        Solver,
        '__init__',
        lambda self, *a, **k: (engines.append(k['engine']), made(self, *a, **k))[1],
    )
    assert tool.main([*arguments, *option]) == 0
    assert [engine.deterministic for engine in engines] == [bool(option)]


@pytest.mark.cuda
@pytest.mark.parametrize(
    'mode, line',
    [('solver_mode: GPU', 'Using GPUs 0'), ('', 'Using GPUs 0'), ('solver_mode: CPU', 'Use CPU.')],
)
def test_the_solver_may_ask_for_the_gpu(mode, line, folder, opened, capsys):
    text = (folder / 'solver_zero_iter.prototxt').read_text().replace('solver_mode: CPU', mode)
    assert caffe.main(['train', '-solver', written(folder, text, 'asks.prototxt')]) == 0
    assert line in capsys.readouterr().err and bool(opened) == ('GPUs' in line)


@pytest.mark.cuda
@pytest.mark.parametrize('tool, arguments, file', PRINTED)
def test_the_same_results(tool, arguments, file, folder, opened, capsys):
    found = []
    for option in ([], ['--gpu', '0']):
        assert tool.main([*arguments, *option]) == 0
        text = (folder / file).read_text() if file else capsys.readouterr().out
        found.append([word for word in text.replace(',', ' ').split() if word])
        assert bool(opened) == bool(option)
    for one, other in zip(*found, strict=True):
        try:
            assert float(one) == pytest.approx(float(other), rel=2e-3, abs=2e-3, nan_ok=True)
        except ValueError:
            assert one == other


@pytest.mark.cuda
@pytest.mark.parametrize('option', [['GPU'], ['GPU', 'DEVICE_ID=0'], ['--gpu', '0']])
def test_features(option, folder, opened, capsys):
    pytest.importorskip('lmdb')
    arguments = ['init.caffemodel', 'net.prototxt', 'ip2', f'{option[-1]}_lmdb', '1', 'lmdb']
    assert extract_features.main([*arguments, *option]) == 0 and opened
    assert 'Using GPU' in capsys.readouterr().err


@pytest.mark.cuda
@pytest.mark.parametrize('arguments', [['test', '-weights', 'init.caffemodel'], ['time']])
def test_one_gpu_of_several(arguments, folder, opened, capsys):
    assert (
        caffe.main([*arguments, '-model', 'net.prototxt', '-iterations', '1', '-gpu', '0,1']) == 0
        and opened
    )
    err = capsys.readouterr().err
    assert 'Not using GPU #1 for single-GPU function' in err and 'Use GPU with device ID 0' in err


@pytest.mark.cuda
def test_device_query(cuda_device, monkeypatch, capsys):
    monkeypatch.delenv('CUDA_DEVICE', raising=False)
    assert caffe.main(['device_query', '-gpu', '0']) == 0
    err = capsys.readouterr().err
    assert 'Querying GPUs 0' in err and 'Device id:                     0' in err
    assert re.search(r'CUDA driver version: +\d+\.\d', err)
    assert re.search(r'cuBLAS version: +\d+\.\d+\.\d', err)
    assert re.search(r'cuDNN version: +(\d+\.\d+\.\d|none: )', err)
    assert caffe.main(['device_query', '-gpu', '0,99']) == 1
    assert 'goodinit caffe: GPU 99: found only ' in capsys.readouterr().err


@pytest.mark.cuda
def test_device_query_says_that_cudnn_is_missing(cuda_device, monkeypatch, capsys):
    monkeypatch.delenv('CUDA_DEVICE', raising=False)
    monkeypatch.setattr(Cuda, 'cudnn', None)
    assert caffe.main(['device_query']) == 0
    said = r'cuDNN version: +none: convolutions go by im2col and cuBLAS'
    assert re.search(said, capsys.readouterr().err)


@pytest.mark.parametrize(
    'given, expected',
    [
        (['--gpu', 'in.jpg', 'out.npy'], ['--gpu=any', 'in.jpg', 'out.npy']),
        (['in.jpg', '--gpu'], ['in.jpg', '--gpu=any']),
        (['--gpu', '1', 'in.jpg'], ['--gpu', '1', 'in.jpg']),
        (['--gpu', 'all', 'in.jpg'], ['--gpu', 'all', 'in.jpg']),
        (['in.jpg'], ['in.jpg']),
    ],
)
def test_the_switch_of_pycaffes_scripts(given, expected):
    assert classify.numbered(given) == expected


@pytest.mark.cuda
@pytest.mark.slow
def test_the_benchmark_runs(cuda_device, tmp_path):
    pytest.importorskip('scipy')
    command = [sys.executable, os.path.join(places.ROOT, 'benchmarks', 'gpu.py')]
    done = subprocess.run(
        [
            *command,
            '--nets',
            'lenet',
            '--batch',
            '2',
            '--emulated',
            '--candidates',
            'ours',
            '--out',
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        env=os.environ | {'OMP_NUM_THREADS': '1'},
    )
    assert done.returncode == 0, done.stderr
    numbers = json.loads(next(tmp_path.glob('*-gpu.json')).read_text())
    results = numbers['results']['lenet']
    assert results.keys() == {'training step', 'forward'}
    for result in results.values():
        assert len(result['ours']['seconds']) == 2 and min(result['ours']['seconds']) > 0
        assert result['ours']['peak_mb'] > 1.7  # LeNet's weights alone
    assert {
        (method, where, len(took))
        for method, places in numbers['initializers'].items()
        for where, took in places.items()
        if min(took) > 0
    } == {(method, where, 2) for method in ('lsuv', 'pca', 'kmeans') for where in ('gpu', 'cpu')}
