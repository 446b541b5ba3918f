"""What the CUDA engine refuses, and what it says is missing."""

import os
import subprocess
import sys

import numpy as np
import pytest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.cuda import cublas, device, engine, launch
from goodinit.netlib.errors import EngineError, GoodinitError
from goodinit.netlib.memory import Memory, Tensor
from op_calls import call, draw, run


@pytest.mark.cuda
@pytest.mark.parametrize(
    'c, message',
    [
        (
            call('unary', 'cube', draw(2), out=draw(2)),
            r"unknown elementwise function 'cube'.* \(known: abs",
        ),
        (
            call('binary', 'add', draw(*[2, 1] * 5), draw(*[1, 2] * 5), out=draw(*[2] * 10)),
            r"engine 'cuda' computes over at most 8 axes at a time; found 10",
        ),
    ],
)
def test_what_the_engine_cannot_do_is_said(c, message, cuda):
    with pytest.raises(EngineError, match=message):
        run(cuda, c)


@pytest.mark.cuda
def test_too_much_is_refused(cuda):
    with pytest.raises(
        EngineError, match=r'at most 2147482623 numbers at a time; found 2147482624\. Use a smaller'
    ):
        cuda.kernels.elementwise.fill(2**31 - 1024, 0, None)
    with pytest.raises(
        EngineError,
        match=r'the GPU cannot allocate another 140737488 MB: [\d]+ of [\d]+ MB are free',
    ):
        Memory(2**45).device(cuda.device)


def test_only_float32():
    with pytest.raises(
        EngineError, match="engine 'cuda' computes in float32; for float64 use engine 'reference'"
    ):
        make_engine('cuda', dtype=np.float64)


def test_pycuda_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pycuda', None)
    with pytest.raises(
        GoodinitError, match=r"this needs the package 'pycuda' .*: pip install 'goodinit\[cuda\]'"
    ):
        device.open_device.__wrapped__()


@pytest.mark.cuda
def test_a_missing_compiler_is_named(cuda, monkeypatch):
    monkeypatch.setenv('PATH', '')
    with pytest.raises(
        EngineError, match=r'needs nvcc to compile its kernels: .* Install the CUDA toolkit'
    ):
        launch.compiled.__wrapped__('pooling')


@pytest.mark.cuda
def test_a_missing_cublas_is_named(cuda, monkeypatch):
    import cuda.pathfinder as finder

    def find(name):
        raise finder.DynamicLibNotFoundError(name)

    monkeypatch.setattr(finder, 'load_nvidia_dynamic_lib', find)
    with pytest.raises(
        EngineError,
        match=r"engine 'cuda' needs cuBLAS, which was not found: install .* nvidia-cublas",
    ):
        cublas.Cublas(cuda.device.stream)


@pytest.mark.cuda
def test_a_failing_cublas_call_is_an_error(cuda):
    with pytest.raises(EngineError, match='cuBLAS failed with status 7'):
        cuda.blas.gemm(0, 0, 0, -1, 1, 1)


def alone(script):
    """Run a script in a process that has no emulated device."""
    folders = os.environ.get('LD_LIBRARY_PATH', '').split(os.pathsep)
    without = os.pathsep.join(
        folder for folder in folders if 'goodinit-emulated-device' not in folder
    )
    return subprocess.run(
        [sys.executable, '-c', script],
        capture_output=True,
        text=True,
        env=os.environ | {'LD_LIBRARY_PATH': without},
    )


@pytest.mark.cuda
def test_a_missing_gpu_is_named(cuda_device):
    if cuda_device == 'real':
        pytest.skip('there is a GPU')
    message = alone(
        'from goodinit.netlib.engines import make_engine; make_engine("cuda")'
    ).stderr.splitlines()[-1]
    assert message.startswith(
        "goodinit.netlib.errors.EngineError: engine 'cuda' found no GPU (libcuda.so.1: "
    )
    assert message.endswith(
        "it needs an NVIDIA GPU and its driver; the engines 'fast' and 'reference' need no GPU"
    )


def test_pycuda_is_imported_by_its_engine_alone():
    done = alone(
        'import sys, goodinit.netlib, goodinit.netlib.engines.cuda.engine\n'
        'print([name for name in sys.modules if "pycuda" in name])'
    )
    assert (done.stdout, done.stderr) == ('[]\n', '')


def test_the_cuda_engine_is_imported_when_it_is_made():
    done = alone(
        'import sys, goodinit, goodinit.caffe, goodinit.tools.init_net, goodinit.tools.train\n'
        'goodinit.netlib.engines.make_engine("fast")\n'
        'print([name for name in sys.modules if "engines.cuda." in name])'
    )
    names = [f'goodinit.netlib.engines.cuda.{name}' for name in ('driver', 'device')]
    assert (done.stdout, done.stderr) == (f'{names}\n', '')


def test_a_tensor_is_small_enough_for_an_int():
    """Whether or not there is a device: the tensor has no memory yet."""
    made = object.__new__(engine.Cuda)
    message = "engine 'cuda' takes tensors of at most 2147483647 numbers; found 2147483648"
    with pytest.raises(EngineError, match=message):
        made.reads(Tensor((1 << 16, 1 << 15), Memory(0)))
