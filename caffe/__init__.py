"""A drop-in for pycaffe, thin over netlib and solvers: `import goodinit.caffe as caffe`.

`python -m goodinit.caffe script.py` runs a script that says `import caffe`. docs/pycaffe.md says
what differs from pycaffe.
"""

from importlib import import_module
from typing import Any

from ..netlib.layers.host.python import PythonLayer as Layer
from ..proto.caffe_pb2 import TEST, TRAIN
from . import io, proto
from .common import (
    NCCL,
    Timer,
    has_nccl,
    init_log,
    layer_type_list,
    log,
    set_device,
    set_mode_cpu,
    set_mode_gpu,
    set_multiprocess,
    set_random_seed,
    set_solver_count,
    set_solver_rank,
    solver_count,
    solver_rank,
)
from .net_spec import NetSpec, layers, params, to_proto
from .pycaffe import Net
from .solver_classes import (
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    NesterovSolver,
    RMSPropSolver,
    SGDSolver,
    get_solver,
)

__version__ = '1.0.0'  # of the interface
__all__ = [
    'AdaDeltaSolver',
    'AdaGradSolver',
    'AdamSolver',
    'Classifier',
    'Detector',
    'Layer',
    'NCCL',
    'NesterovSolver',
    'Net',
    'NetSpec',
    'RMSPropSolver',
    'SGDSolver',
    'TEST',
    'TRAIN',
    'Timer',
    'get_solver',
    'has_nccl',
    'init_log',
    'io',
    'layer_type_list',
    'layers',
    'log',
    'params',
    'proto',
    'set_device',
    'set_mode_cpu',
    'set_mode_gpu',
    'set_multiprocess',
    'set_random_seed',
    'set_solver_count',
    'set_solver_rank',
    'solver_count',
    'solver_rank',
    'to_proto',
]


def __getattr__(name: str) -> Any:
    """Classifier and Detector, at their first use."""
    if name in ('Classifier', 'Detector'):
        return getattr(import_module(f'.{name.lower()}', __name__), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
