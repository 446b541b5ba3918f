"""What tests of the GPU share."""

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
