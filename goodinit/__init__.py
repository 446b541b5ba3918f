"""goodinit: Caffe in Python, with data-dependent weight initialization.

A net, data in its shape, and weights from them:

    import goodinit

    net = goodinit.open_net('lenet')
    data = goodinit.open_data('images/', net)
    goodinit.initialize(net, data, 'lsuv', seed=0)
    net.save('lenet.caffemodel')
"""

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

# In a clone the subpackages (proto, netlib, ...) stand beside this folder; once installed, in it.
if not (Path(__file__).parent / 'netlib').is_dir():
    __path__.append(str(Path(__file__).parent.parent))

# After a matrix product the threads of OpenBLAS, which NumPy and SciPy use, look for another one
# for 20 ms, and the kernels that run meanwhile lack their processors. Said before NumPy is loaded,
# this lets them sleep after 2^16 cycles.
os.environ.setdefault('OPENBLAS_THREAD_TIMEOUT', '16')

from .proto.version import __version__

if TYPE_CHECKING:
    from . import export, feeding, initializers, netlib, proto, solvers, voc
    from .feeding.filled_net import Net
    from .feeding.initializing import initialize, measure
    from .feeding.opening import open_data, open_net
    from .initializers import PRESETS, Recipe, fill
    from .proto.errors import GoodinitError
    from .solvers import Solver

__all__ = [
    'PRESETS',
    'GoodinitError',
    'Net',
    'Recipe',
    'Solver',
    '__version__',
    'export',
    'feeding',
    'fill',
    'initialize',
    'initializers',
    'measure',
    'netlib',
    'open_data',
    'open_net',
    'proto',
    'solvers',
    'voc',
]

# Where the names come from. A module is imported when one of its names is first used, so that a
# program waits for no more than it needs.
_HOMES = {
    'PRESETS': 'initializers',
    'GoodinitError': 'proto.errors',
    'Net': 'feeding.filled_net',
    'Recipe': 'initializers',
    'Solver': 'solvers',
    'fill': 'initializers',
    'initialize': 'feeding.initializing',
    'measure': 'feeding.initializing',
    'open_data': 'feeding.opening',
    'open_net': 'feeding.opening',
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'goodinit' has no attribute '{name}'")
    module = importlib.import_module(f'.{_HOMES.get(name, name)}', __name__)
    value = getattr(module, name) if name in _HOMES else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
