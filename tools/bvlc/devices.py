"""`goodinit caffe device_query`: say which GPUs there are."""

import argparse
from typing import Any

from ...netlib.engines import make_engine
from ...netlib.errors import EngineError
from ...solvers.log.glog import log
from ..cli.gpu import GPU_ENGINE, device, use_gpu


def device_query(args: argparse.Namespace) -> None:
    """Log the properties of the GPUs that -gpu names, or of the first."""
    numbers = args.gpu or [0]
    log('caffe.cpp:138', f'Querying GPUs {",".join(map(str, numbers))}')
    use_gpu(numbers[0])
    devices = device().open_device().cuda.Device
    for i in numbers:
        if i >= devices.count():
            raise EngineError(f'GPU {i}: found only {devices.count()}, the first is 0')
        for name, value in properties(devices(i), i).items():
            log('common.cpp:172', f'{name + ":":30} {value}')
    for name, value in versions().items():
        log('common.cpp:172', f'{name + ":":30} {value}')


def versions() -> dict[str, str]:
    """The versions of what the engine calls. Raises EngineError for what cannot be used."""
    engine: Any = make_engine(GPU_ENGINE)
    number = engine.device.cuda.get_driver_version()
    convolution = 'none: convolutions go by im2col and cuBLAS'
    if engine.cudnn is not None:
        convolution = engine.cudnn.version()
    return {
        'CUDA driver version': f'{number // 1000}.{number % 1000 // 10}',
        'cuBLAS version': engine.blas.version(),
        'cuDNN version': convolution,
    }


def properties(gpu, number: int) -> dict[str, object]:
    """What to say of a GPU, a pycuda.driver.Device."""
    major, minor = gpu.compute_capability()
    return {
        'Device id': number,
        'Major revision number': major,
        'Minor revision number': minor,
        'Name': gpu.name(),
        'Total global memory': gpu.total_memory(),
    }
