"""What tests of the GPU share."""

import ctypes

import pytest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.cuda import cudnn, cudnn_convolution
from goodinit.netlib.errors import EngineError


@pytest.fixture
def cuda(cuda_device):
    return make_engine('cuda')


@pytest.fixture
def with_cudnn(cuda):
    """The CUDA engine; the test is skipped without cuDNN."""
    try:
        cudnn.open_cudnn()
    except EngineError as error:
        pytest.skip(str(error))
    return cuda


@pytest.fixture
def waits(cuda, cuda_device):
    """A function that tells how often the host has waited for the device so far."""
    if cuda_device == 'real':
        pytest.skip("NVIDIA's driver does not count")
    counter = ctypes.c_int.in_dll(ctypes.CDLL('libcuda.so.1'), 'cuda_waits')
    return lambda: counter.value


@pytest.fixture
def fresh():
    """No algorithm is chosen yet, nor will one be kept."""
    cudnn_convolution.planned.cache_clear()
    yield
    cudnn_convolution.planned.cache_clear()


@pytest.fixture
def broken(cuda_device, fresh):
    """An int of the emulated cuDNN: its bit n breaks algorithm n."""
    if cuda_device == 'real':
        pytest.skip('a real cuDNN cannot be broken')
    bits = ctypes.c_int.in_dll(ctypes.CDLL('libcudnn.so.9'), 'cudnn_broken')
    yield bits
    bits.value = 0
