"""Several GPUs: which one a process takes. Each test has processes of its own, since one opens its
GPU for good."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import golden
import numpy as np
import places
import pytest
from goodinit.netlib.engines.cuda import device
from goodinit.netlib.ranks import Ranks
from goodinit.proto import read_weights
from goodinit.tools.cli import gpu

MPIEXEC = shutil.which(
    'mpiexec', path=os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']])
)


@pytest.fixture
def folder(tmp_path, monkeypatch, cuda_device):
    """A small net with its data in the current directory, on a machine whose GPUs can be counted
    out."""
    if cuda_device == 'real':
        pytest.skip('a machine has the GPUs that it has')
    shutil.copytree(golden.HERE / 'cli', tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def process(script, *launcher, gpus=1):
    """A script, in processes that find so many GPUs; `number()` is the one that computes."""
    path = [str(places.TESTS / 'helpers'), os.environ.get('PYTHONPATH', '')]
    env = os.environ | {
        'PYTHONPATH': os.pathsep.join(filter(None, path)),
        'CUDA_EMULATOR_DEVICES': str(gpus),
    }
    env.pop('CUDA_DEVICE', None)
    head = """
import sys, emulated_device
emulated_device.install()
from goodinit.netlib.engines.cuda.device import open_device
def number():
    cuda = open_device().cuda
    return [cuda.Device(i) for i in range(cuda.Device.count())].index(cuda.Context.get_device())
"""
    return subprocess.run(
        [*launcher, sys.executable, '-c', head + script],
        capture_output=True,
        text=True,
        env=env,
        timeout=120,
    )


def tool(name, *arguments):
    """A script that runs a tool and then prints the number of its GPU."""
    return (
        f'from goodinit.tools.{name} import main; status = main({arguments})\n'
        'if status: sys.exit(status)\nprint("GPU", number())'
    )


INIT = 'init_net', '--proto', 'lenet', '--dry-run', '--quiet', '--gpu'
TRAIN = 'train', '--solver', 'solver.prototxt', '--gpu'


@pytest.mark.cuda
def test_a_number_chooses(folder):
    done = process(tool(*INIT, '1'), gpus=2)
    assert done.returncode == 0 and done.stdout.endswith('GPU 1\n'), done.stderr
    done = process(tool(*INIT, '2'), gpus=2)
    assert done.returncode == 1 and done.stdout == '' and done.stderr.count('\n') == 1
    assert done.stderr.startswith(
        "goodinit init: GPU 2: engine 'cuda' found no GPU (cuDeviceGet failed: "
    )


@pytest.mark.cuda
def test_all_for_one_process(folder):
    """The first; work that several processes can share is not left to one."""
    found = '--gpu all: found 3 GPUs and one process, which computes on one'
    done = process(tool(*INIT, 'all'), gpus=3)
    assert (
        done.returncode == 0
        and done.stdout.endswith('GPU 0\n')
        and f'note: {found}: the first\n' in done.stderr
    )
    done = process(tool(*TRAIN, 'all'), gpus=3)
    assert done.returncode == 1
    assert done.stderr == f'goodinit train: {found}; mpiexec -n 3 starts a process for each\n'
    done = process(tool(*TRAIN, 'all'), gpus=1)
    assert done.returncode == 0 and done.stdout.endswith('GPU 0\n'), done.stderr


@pytest.mark.cuda
@pytest.mark.skipif(MPIEXEC is None, reason='needs mpiexec')
def test_all_for_two_processes(folder):
    """Each takes a GPU, and they train as two processes on the CPU do."""
    pytest.importorskip('mpi4py')
    found = []
    for option in ('--engine', 'fast'), ('--gpu', 'all'):
        done = process(tool(*TRAIN[:-1], *option), MPIEXEC, '-n', '2', gpus=2)
        assert done.returncode == 0, done.stderr
        weights = []
        for layer in read_weights('tiny_iter_20.caffemodel').layer:
            weights += [np.array(blob.data) for blob in layer.blobs]
        found.append(weights)
        os.remove('tiny_iter_20.caffemodel')
    assert sorted(done.stdout.split('\n')) == ['', 'GPU 0', 'GPU 1']
    for ours, expected in zip(*reversed(found), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


class Several(Ranks):
    """Processes on machines of these names."""

    def __init__(self, rank, machines):
        self.rank, self.size, self.machines = rank, len(machines), machines

    def gather(self, items):
        return list(self.machines)


@pytest.mark.parametrize(
    'machines, count, expected',
    [
        ('aaaa', 4, [0, 1, 2, 3]),
        ('aaaa', 2, [0, 1, 0, 1]),
        ('aabb', 2, [0, 1, 0, 1]),
        ('abab', 8, [0, 0, 1, 1]),
        ('a', 1, [0]),
    ],
)
def test_the_processes_of_a_machine_take_turns(machines, count, expected, monkeypatch):
    found = []
    monkeypatch.setattr(device, 'gpu_count', lambda: count)
    monkeypatch.setattr(device, 'use_gpu', found.append)
    for rank, machine in enumerate(machines):
        monkeypatch.setattr(gpu, 'launched', lambda rank=rank: Several(rank, machines))
        monkeypatch.setattr(gpu.platform, 'node', lambda machine=machine: machine)
        assert gpu.use_all_gpus(together=True) == 'cuda'
    assert found == expected


@pytest.mark.cuda
def test_set_device(folder):
    """Before or after the mode; once a GPU computes, there is no other."""
    script = (
        'from goodinit import caffe\ncaffe.set_device(1)\ncaffe.set_mode_gpu()\nprint(number())\n'
        'caffe.set_device(1)\ncaffe.set_device(0)'
    )
    done = process(script, gpus=2)
    assert done.stdout == '1\n' and done.stderr.endswith(
        'GPU 0: this process already uses another GPU; start a separate process\n'
    )
    done = process(script, gpus=1)
    assert (
        "EngineError: GPU 1: engine 'cuda' found no GPU (cuDeviceGet failed: " in done.stderr
        and done.stdout == ''
    )
