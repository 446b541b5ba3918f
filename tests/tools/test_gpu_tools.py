"""--gpu: the tools compute on the GPU what they compute on the CPU, and say what is missing."""

import functools
import json
import os
import shutil
import subprocess
import sys

import golden
import numpy as np
import places
import pytest
from goodinit.caffe.common import common
from goodinit.netlib.engines.cuda import device
from goodinit.netlib.engines.cuda.gpu import Gpu
from goodinit.netlib.errors import EngineError
from goodinit.proto import read_weights
from goodinit.solvers import Solver
from goodinit.tools import (
    caffe,
    classify,
    detect,
    extract_features,
    init_net,
    lsuv_init,
    magic_init,
    measure_stat,
    train,
)
from goodinit.tools import (
    stats as net_stats,
)
from goodinit.tools import (
    test as test_net,
)
from goodinit.tools.cli import gpu, values
from PIL import Image
from toolkit import DEPLOY, fails, samples, written


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
def folder(tmp_path, monkeypatch):
    """Small nets with their data and weights, in the current directory."""
    pytest.importorskip('h5py')
    shutil.copytree(golden.HERE / 'cli', tmp_path, dirs_exist_ok=True)
    written(tmp_path, name='small.prototxt')
    written(tmp_path, DEPLOY.replace('dim: 2', 'dim: 1'), 'deploy.prototxt')
    samples(tmp_path, (40, 3, 8, 8))
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (9, 12, 3), np.uint8)).save(
        tmp_path / 'a.png'
    )
    (tmp_path / 'windows.csv').write_text('filename,xmin,ymin,xmax,ymax\na.png,1,1,8,8\n')
    monkeypatch.chdir(tmp_path)
    assert (
        init_net.main(
            [
                '--proto',
                'deploy.prototxt',
                '--data',
                'x.npy',
                '--out',
                'small.caffemodel',
                '--quiet',
            ]
        )
        == 0
    )
    return tmp_path


def arrays(path):
    return [np.array(blob.data) for layer in read_weights(path).layer for blob in layer.blobs]


def same(ours, theirs):
    for one, other in zip(arrays(ours), arrays(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * np.abs(other).max(initial=1e-9))


SMALL = ['--proto', 'small.prototxt', '--data', 'x.npy']
PICTURE = [
    '--model_def',
    'deploy.prototxt',
    '--pretrained_model',
    'small.caffemodel',
    '--images_dim',
    '8,8',
]
WINDOWS = ['windows.csv', 'out.csv', *PICTURE[:4], '--context_pad', '0']

# Each computes a caffemodel.
WEIGHTS = [
    (init_net, [*SMALL, '--quiet', '--out']),
    (init_net, [*SMALL, '--quiet', '--method', 'kmeans', '--batches', '1', '--out']),
    (magic_init, ['small.prototxt', '-d', 'x.npy', '-z', '-q', '-nit', '2', '-cs']),
    (lsuv_init, ['small.prototxt']),
]


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


# Each prints its results, or writes a file of text.
PRINTED = [
    (net_stats, SMALL, ''),
    (measure_stat, ['small.prototxt', '-d', 'x.npy', '-nit', '2'], ''),
    (
        test_net,
        ['--model', 'net.prototxt', '--weights', 'init.caffemodel', '--iterations', '2'],
        '',
    ),
    (classify, ['a.png', *PICTURE, '--center_only'], ''),
    (detect, WINDOWS, 'out.csv'),
]


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
    assert caffe.main(['device_query', '-gpu', '0,99']) == 1
    assert 'goodinit caffe: GPU 99: found only ' in capsys.readouterr().err


@pytest.mark.parametrize(
    'given, expected',
    [
        (['--gpu', 'in.jpg', 'out.npy'], ['--gpu=0', 'in.jpg', 'out.npy']),
        (['in.jpg', '--gpu'], ['in.jpg', '--gpu=0']),
        (['--gpu', '1', 'in.jpg'], ['--gpu', '1', 'in.jpg']),
        (['--gpu', 'all', 'in.jpg'], ['--gpu', 'all', 'in.jpg']),
        (['in.jpg'], ['in.jpg']),
    ],
)
def test_the_switch_of_pycaffes_scripts(given, expected):
    assert classify.numbered(given) == expected


# -- what may be wrong

NO_GPU = "engine 'cuda' found no GPU"


@pytest.fixture
def without(monkeypatch):
    """A machine without a GPU."""

    @functools.cache
    def no_gpu():
        raise EngineError(NO_GPU)

    monkeypatch.setattr(device, 'open_device', no_gpu)
    monkeypatch.setattr(device, 'driver', no_gpu)
    monkeypatch.delenv('CUDA_DEVICE', raising=False)


ASKING = [
    *((tool, [*arguments, 'x.caffemodel', '--gpu', '0']) for tool, arguments in WEIGHTS),
    *((tool, [*arguments, '--gpu', '0']) for tool, arguments, _ in PRINTED),
    (train, ['--solver', 'solver.prototxt', '--gpu', '0']),
    (caffe, ['test', '-model', 'net.prototxt', '-weights', 'init.caffemodel', '-gpu', '0']),
    (caffe, ['time', '-model', 'net.prototxt', '-gpu', '0']),
    (caffe, ['train', '-solver', 'solver.prototxt', '-gpu', '0']),
    (caffe, ['device_query']),
    (lsuv_init, ['small.prototxt', 'x.caffemodel', 'LSUV', 'gpu']),
    (extract_features, ['init.caffemodel', 'net.prototxt', 'ip2', 'db', '1', 'lmdb', 'GPU']),
]


@pytest.mark.parametrize('tool, arguments', ASKING)
def test_without_a_gpu(tool, arguments, folder, without, capsys):
    before = sorted(os.listdir())
    assert tool.main(arguments) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith(f': GPU 0: {NO_GPU}')
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(
    'tool, arguments',
    [(caffe, ['device_query', '-gpu', 'all']), (init_net, [*SMALL, '--gpu', 'all'])],
)
def test_all_of_no_gpus(tool, arguments, without, capsys):
    assert fails(tool.main, arguments, capsys) == f'{NO_GPU}\n'


def test_without_a_gpu_a_solver_that_asks_for_it_trains_on_the_cpu(folder, without, capsys):
    text = (folder / 'solver_zero_iter.prototxt').read_text().replace('CPU', 'GPU')
    assert caffe.main(['train', '-solver', written(folder, text, 'asks.prototxt')]) == 0
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first == f'no usable GPU; using the CPU (GPU 0: {NO_GPU})' and second.endswith(
        '] Use CPU.'
    )


@pytest.mark.parametrize(
    'arguments, message',
    [
        (
            ['--gpu', '0,1'],
            "argument --gpu: found '0,1', needed: the number of one GPU, such as 0, or all",
        ),
        (['--gpu', '-1'], "argument --gpu: found '-1', needed: the number of one GPU"),
        (
            ['--engine', 'checked:fast', '--gpu', '0'],
            'argument --gpu: not allowed with argument --engine',
        ),
    ],
)
def test_mistakes(arguments, message, folder, monkeypatch, capsys):
    monkeypatch.setattr(values, 'use_gpu', lambda number: 'cuda')
    assert fails(init_net.main, [*SMALL, *arguments], capsys).startswith(message)


@pytest.mark.cuda
def test_one_gpu_for_a_process(cuda_device, monkeypatch):
    monkeypatch.setenv('CUDA_DEVICE', '0')
    assert gpu.use_gpu(0) == 'cuda'
    with pytest.raises(
        EngineError,
        match='GPU 99: this process already uses another GPU; start a separate process',
    ):
        gpu.use_gpu(99)


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
