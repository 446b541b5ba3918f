"""What tests of the GPU share."""

import ctypes

import pytest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.cuda import cudnn
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
