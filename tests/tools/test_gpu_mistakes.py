"""--gpu: what the tools say on a machine without a GPU, and of a user's mistakes."""

import functools
import os

import pytest
from goodinit.netlib.engines.cuda import device
from goodinit.netlib.errors import EngineError
from goodinit.tools import caffe, classify, detect, extract_features, init_net, lsuv_init, train
from goodinit.tools.cli import gpu, values
from gpu_runs import PRINTED, SMALL, WEIGHTS, with_small_nets
from toolkit import fails, written

SCRIPTS = (classify, detect)
NO_GPU = "engine 'cuda' found no GPU"


@pytest.fixture
def folder(folder):
    """Small nets with their data and weights, in the current directory."""
    return with_small_nets(folder)


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


@pytest.mark.parametrize('tool, arguments', [row[:2] for row in PRINTED if row[0] in SCRIPTS])
def test_without_a_gpu_the_switch_of_pycaffes_scripts_means_the_cpu(
    tool, arguments, folder, without, capsys
):
    assert tool.main([*arguments, '--gpu']) == 0
    said = f'no usable GPU; using the CPU (GPU 0: {NO_GPU})'
    assert said in capsys.readouterr().err.splitlines()


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
