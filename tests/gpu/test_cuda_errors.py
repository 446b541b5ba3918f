"""What the CUDA engine refuses, and what it says is missing."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.cuda import cublas, device, engine, launch
from goodinit.netlib.engines.interface import Window
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
    message = r'results of at most 2147482623 numbers; found 2147482624\. Use a smaller batch'
    with pytest.raises(EngineError, match=message):
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
    monkeypatch.setenv('PYCUDA_DISABLE_CACHE', '1')  # which would answer without a compiler
    with pytest.raises(
        EngineError, match=r'needs nvcc to compile its kernels: .* Install the CUDA toolkit'
    ):
        launch.compiled.__wrapped__('pooling')


NO_CUBLAS = r"engine 'cuda' needs cuBLAS, which was not found: install .* nvidia-cublas"
BROKEN_CUBLAS = r'cuBLAS was found, but does not load: .*x\.so.*Install it again: install the CUDA'


@pytest.mark.cuda
@pytest.mark.parametrize(
    'kind, message',
    [('DynamicLibNotFoundError', NO_CUBLAS), ('RuntimeError', BROKEN_CUBLAS)],
)
def test_a_cublas_that_cannot_be_used_is_named(kind, message, cuda, monkeypatch):
    import cuda.pathfinder as finder

    def find(name):
        raise getattr(finder, kind, RuntimeError)('Failed to dlopen x.so')

    monkeypatch.setattr(finder, 'load_nvidia_dynamic_lib', find)
    with pytest.raises(EngineError, match=message):
        cublas.Cublas(cuda.device)


@pytest.mark.cuda
def test_a_library_may_be_the_first_to_say_that_a_kernel_has_failed():
    with pytest.raises(
        EngineError,
        match=r'status 13 \(CUBLAS_STATUS_EXECUTION_FAILED\)\. An earlier kernel may have failed: '
        'GOODINIT_CUDA_WAIT=1 waits after each call, and names it',
    ):
        cublas.check_status(13)


@pytest.mark.cuda
def test_a_failing_cublas_call_is_an_error(cuda):
    with pytest.raises(
        EngineError, match=r'cuBLAS failed with status 7 \(CUBLAS_STATUS_INVALID_VALUE\)'
    ):
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


# What is read may be larger than what is computed from it, and an int counts both. The tensors have
# no memory, so this needs no device.
LARGE = Tensor((1 << 16, 1 << 15), Memory(0))
ALMOST = Tensor((2**31 - 1024,), Memory(0))  # one more block, and an int overflows
SMALL = Tensor((1, 1), Memory(0))
PLANES = Tensor((2, 1, 1 << 15, 1 << 15), Memory(0))
PLANE = Tensor((2, 1, 1, 1), Memory(0))
WINDOW = Window((1 << 15,) * 2, (1, 1), (0, 0), (1, 1))


@pytest.mark.parametrize(
    'work',
    [
        lambda made: made.sum(LARGE, out=SMALL),
        lambda made: made.sum(ALMOST, out=Tensor((1,), Memory(0))),
        lambda made: made.moments(LARGE, mean=SMALL, var=SMALL),
        lambda made: made.gather(LARGE, [0], 0, out=SMALL),
        lambda made: made.copy_window(LARGE, (0, 0), out=SMALL, at=(0, 0), shape=(1, 1)),
        lambda made: made.pool_ave_forward(PLANES, WINDOW, out=PLANE),
        lambda made: made.col2im(LARGE, WINDOW, out=PLANE),
        lambda made: made.conv_forward(PLANES, PLANE, WINDOW, 1, out=PLANE),
        lambda made: made.gemm(LARGE, SMALL, out=SMALL),
        lambda made: made.one_hot(LARGE, None, out=SMALL),
    ],
)
def test_what_is_read_is_small_enough_for_an_int(work):
    made = object.__new__(engine.Cuda)
    made.device = SimpleNamespace(check_thread=lambda: None)
    made.recorder = None
    message = (
        "engine 'cuda' takes tensors of at most 2147482623 numbers; found 214748.*smaller batch"
    )
    with pytest.raises(EngineError, match=message):
        work(made)


@pytest.mark.cuda
def test_columns_are_few_enough_for_an_int(cuda):
    """Those of im2col are larger than what they are made of."""
    window = Window((64, 64), (1, 1), (0, 0), (1, 1))
    dx, W, dy = (cuda.tensor(1, 1, n, n) for n in (863, 64, 800))
    message = 'columns of an image of at most 2147482623 numbers; found 2621440000. Use cuDNN'
    by_columns = cuda.convolving('CAFFE')
    with pytest.raises(EngineError, match=message):
        by_columns.conv_forward(dx, W, window, 1, out=dy)
    with pytest.raises(EngineError, match=message):
        by_columns.conv_backward_data(dy, W, window, 1, out=dx)
    with pytest.raises(EngineError, match=message):
        by_columns.conv_backward_weights(dx, dy, window, 1, out=W)
