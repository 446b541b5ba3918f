"""What tests of the GPU share."""

import pytest
from goodinit.netlib.engines import make_engine


@pytest.fixture
def cuda(cuda_device):
    return make_engine('cuda')
