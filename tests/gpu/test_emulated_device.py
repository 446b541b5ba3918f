"""The emulated device itself: right results for right kernels, errors for wrong ones."""

import ctypes
import importlib.util
import re
import subprocess
import sys

import device_counts
import emulated_device
import numpy as np
import pytest
from emulated_device import builder

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(
        not importlib.util.find_spec('pycuda'), reason='PyCUDA is not installed: .ci/pycuda'
    ),
]
KERNELS = """
#include <math.h>
#define MAP(name, type, expression) \\
  __global__ void name(int n, const type* x, type* y) { \\
    int i = blockIdx.x * blockDim.x + threadIdx.x; \\
    if (i < n) y[i] = expression; \\
  }
MAP(relu, float, max(x[i], 0.f))
MAP(next, float, x[i + 1])
MAP(quotient, int, 7 / x[i])

// y[0] = the sum of x; a block of 64 threads
#define SUM(name, barrier) \\
  __global__ void __launch_bounds__(64) name(int n, const float* x, float* y) { \\
    __shared__ float partial[64]; \\
    int t = threadIdx.x; \\
    float sum = 0; \\
    for (int i = t; i < n; i += 64) sum += x[i]; \\
    partial[t] = sum; \\
    barrier; \\
    for (int half = 32; half; half /= 2) { \\
      if (t < half) partial[t] += partial[t + half]; \\
      __syncthreads(); \\
    } \\
    if (t == 0) y[0] = partial[0]; \\
  }
SUM(sum, __syncthreads())
SUM(sum_diverges, if (t < 7) __syncthreads())

// y[i] = x[from], through `n` floats of dynamic shared memory
#define PERMUTE(name, from, barrier) \\
  __global__ void name(int n, const float* x, float* y) { \\
    extern __shared__ float tile[]; \\
    int i = threadIdx.x; \\
    tile[i] = x[i]; \\
    barrier; \\
    y[i] = tile[from]; \\
  }
PERMUTE(reverse, n - 1 - i, __syncthreads())
PERMUTE(from_later_without_barrier, min(i + 1, n - 1), )
PERMUTE(from_earlier_without_barrier, max(i - 1, 0), )
__global__ void count(int n, const float* x, float* y) { atomicAdd(y, 1.f); }
__global__ void write_after(int n, const float* x, float* y) { y[n] = 0; }
__global__ void write_before(int n, const float* x, float* y) { y[-1] = 0; }
__global__ void read_shared(int n, const float* x, float* y) { __shared__ float s[1]; y[0] = s[0]; }
"""
N = 101  # no multiple of 4: the end of the buffer is not the end of its pages


class Device:
    """Runs one of KERNELS on x, with y of the same shape full of zeros, and returns y."""

    def __init__(self):
        import pycuda.autoprimaryctx
        import pycuda.driver
        from pycuda.compiler import SourceModule

        self.cuda = pycuda.driver
        self.kernel = SourceModule(KERNELS).get_function

    def run(self, name, x, n=N, grid=1, block=128, shared=0):
        y = self.cuda.to_device(np.zeros_like(x))
        self.kernel(name)(
            np.int32(n),
            self.cuda.to_device(x),
            y,
            grid=(grid, 1),
            block=(block, 1, 1),
            shared=shared,
        )
        return self.cuda.from_device_like(y, x)


@pytest.fixture(scope='module')
def device():
    if emulated_device.install() == 'real':
        pytest.skip('a wrong kernel would spoil the real device for the tests that follow')
    return Device()


@pytest.fixture
def x():
    return np.random.default_rng(1).standard_normal(N, np.float32)


@pytest.fixture(autouse=True)
def forwards(monkeypatch):
    monkeypatch.delenv('CUDA_EMULATOR_REVERSED', raising=False)


@pytest.fixture(params=['forwards', 'backwards'])
def order(request, forwards, monkeypatch):
    if request.param == 'backwards':
        monkeypatch.setenv('CUDA_EMULATOR_REVERSED', '1')
    return request.param


def test_right_kernels_compute_in_either_order(device, x, order):
    np.testing.assert_array_equal(device.run('relu', x, grid=4, block=32), np.maximum(x, 0))
    np.testing.assert_allclose(device.run('sum', x, block=64)[0], x.sum(), rtol=1e-5)
    np.testing.assert_array_equal(device.run('reverse', x, block=N, shared=4 * N), x[::-1])
    assert device.run('count', x, grid=3, block=5)[0] == 15


@pytest.mark.parametrize(
    'name, wrong_in',
    [('from_later_without_barrier', 'forwards'), ('from_earlier_without_barrier', 'backwards')],
)
def test_a_missing_barrier_shows_in_one_order(device, x, order, name, wrong_in):
    y = device.run(name, x, block=N, shared=4 * N)
    assert np.isnan(y).any() == (order == wrong_in)


def test_fresh_memory_is_nan(device, x):
    assert np.isnan(device.run('read_shared', x)[0])
    assert np.isnan(device.cuda.from_device(device.cuda.mem_alloc(4 * N), N, np.float32)).all()


@pytest.mark.parametrize(
    'name, message',
    [
        (
            'write_after',
            'kernel write_after: a thread writes just outside a device buffer of 404 bytes',
        ),
        (
            'write_before',
            'kernel write_before: a thread writes just outside a device buffer of 404 bytes',
        ),
        ('sum_diverges', 'not all threads of block (0, 0, 0) wait at the barrier in line '),
        ('reverse', '0 bytes past the end of the dynamic shared memory of 0 bytes'),
    ],
)
def test_wrong_kernels_are_errors(device, x, name, message):
    with pytest.raises(device.cuda.LaunchError, match=re.escape(message)):
        device.run(name, x, block=64)
    assert device.run('count', x, block=5)[0] == 5, 'the device goes on'


def test_reading_past_the_end_is_an_error(device, x):
    place = 'thread (7, 0, 0) of block (12, 0, 0)'
    message = f'kernel next: {place} reads or writes 12 bytes past the end'
    with pytest.raises(device.cuda.LaunchError, match=re.escape(message)):
        device.run('next', x, n=200, grid=25, block=8)


def test_dividing_by_zero_is_an_error(device):
    with pytest.raises(device.cuda.LaunchError, match='divides an integer by zero'):
        device.run('quotient', np.zeros(N, np.int32))


def test_wrong_calls_are_errors(device, x):
    small = device.cuda.mem_alloc(20)
    with pytest.raises(
        device.cuda.LogicError, match='404 bytes ends 384 bytes past the end of a device buffer'
    ):
        device.cuda.memcpy_htod(small, x)
    with pytest.raises(
        device.cuda.LogicError, match='kernel relu takes arguments of 24 bytes, not 8'
    ):
        device.kernel('relu')(np.int64(0), block=(1, 1, 1))
    with pytest.raises(device.cuda.LogicError, match='a block has 1 to 1024 threads'):
        device.run('relu', x, block=1025)
    with pytest.raises(device.cuda.LogicError, match='no kernel is named elu'):
        device.kernel('elu')
    with pytest.raises(device.cuda.MemoryError, match='out of memory'):
        device.cuda.mem_alloc(1 << 40)


def test_copies_wait_for_whoever_waits_for_them(device, x):
    """A reader that does not wait sees NaN, a writer that does not wait changes what is copied."""
    cuda, copied = device.cuda, np.zeros_like(x)
    stream, event, y = cuda.Stream(), cuda.Event(), cuda.mem_alloc(x.nbytes)
    cuda.memcpy_htod_async(y, x, stream)
    event.record(stream)
    assert not event.query()
    cuda.memcpy_dtoh_async(copied, y, other := cuda.Stream())
    other.synchronize()
    assert np.isnan(copied).all()
    expected = x.copy()
    other.wait_for_event(event)
    x[:] = 7
    assert event.query()
    cuda.memcpy_dtoh_async(copied, y, other)
    assert np.isnan(copied).all()
    other.synchronize()
    np.testing.assert_array_equal(copied, expected)
    cuda.memcpy_htod_async(y, x, stream)
    x[:] = 8
    assert cuda.from_device_like(y, x)[0] == 8


def test_waiting_is_counted(device, x):
    waits = ctypes.c_int.in_dll(ctypes.CDLL('libcuda.so.1'), 'cuda_waits')
    y, stream, event, before = (
        device.cuda.mem_alloc(x.nbytes),
        device.cuda.Stream(),
        device.cuda.Event(),
        waits.value,
    )
    device.cuda.memcpy_htod_async(y, x, stream)
    event.record(stream)
    stream.wait_for_event(event)
    event.query()
    assert waits.value == before
    for wait in (
        event.synchronize,
        stream.synchronize,
        device.cuda.Context.synchronize,
        lambda: device.cuda.memcpy_htod(y, x),
        lambda: device.cuda.memcpy_dtoh(x, y),
        y.free,
    ):
        before = waits.value
        wait()
        assert waits.value == before + 1


def test_calls_are_counted(device, x):
    """By name, with the bytes that they move."""
    y = device.cuda.mem_alloc(x.nbytes)
    stream = device.cuda.Stream()
    device_counts.counted()
    device.cuda.memcpy_htod_async(y, x, stream)
    device.kernel('relu')(np.int32(N), y, y, block=(128, 1, 1))
    device.cuda.memset_d8_async(y, 0, 8, stream)
    device.cuda.memcpy_dtod_async(y, y, 4, stream)
    stream.synchronize()
    assert device_counts.counted() == {
        'copy to_device': 1,
        'copy to_device, bytes': x.nbytes,
        'kernel relu': 1,
        'memset set': 1,
        'memset set, bytes': 8,
        'copy on_device': 1,
        'copy on_device, bytes': 4,
        'wait cuStreamSynchronize': 1,
    }
    assert not device_counts.counted()


def test_an_emptied_device_only_counts(device, x):
    y = device.cuda.to_device(x)
    with device_counts.emptied():
        device.kernel('next')(np.int32(N), y, y, block=(128, 1, 1))  # which would read too far
        device.cuda.memset_d8(y, 0, x.nbytes)
        device.cuda.memcpy_htod(y, x + 1)
    assert device_counts.counted()['kernel next'] == 1
    np.testing.assert_array_equal(device.cuda.from_device_like(y, x), x)


def test_a_child_process_has_the_device(device):
    script = 'import pycuda.autoprimaryctx as auto; print(auto.device.name())'
    child = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, check=True
    )
    assert child.stdout == 'emulated CUDA device\n'


def test_what_is_missing_is_named(monkeypatch, tmp_path):
    with pytest.raises(RuntimeError, match='no input files'):
        builder.gxx('-shared')
    monkeypatch.setenv('PATH', '')
    with pytest.raises(FileNotFoundError, match=r'needs g\+\+: apt-get install g\+\+'):
        builder.build(tmp_path)
    monkeypatch.setenv('CUDA_ROOT', '/nowhere')
    monkeypatch.setattr(builder.sysconfig, 'get_path', lambda name: '/site-packages')
    with pytest.raises(
        FileNotFoundError,
        match=r'no include/cuda\.h in /nowhere or /site-packages/nvidia/cu13: pip',
    ):
        builder.toolkit()
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r'PyCUDA is not installed: \.ci/pycuda '):
        emulated_device.install()
