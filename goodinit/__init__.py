"""goodinit: Caffe in Python, with data-dependent weight initialization.

A net, data in its shape, and weights from them:

    import numpy as np
    import goodinit

    net = goodinit.open_net('lenet')
    data = goodinit.open_data('images/', net)
    rng = np.random.default_rng(0)
    goodinit.initialize(net, data.batches, goodinit.PRESETS['lsuv'], rng)
    net.save('lenet.caffemodel')
"""

from pathlib import Path

# In a clone the subpackages (proto, netlib, ...) stand beside this folder; once installed, in it.
if not (Path(__file__).parent / 'netlib').is_dir():
    __path__.append(str(Path(__file__).parent.parent))

from . import export
from .feeding.opening import open_data, open_net
from .initializers import PRESETS, Recipe, fill, initialize, measure
from .netlib import Net
from .proto.errors import GoodinitError
from .proto.version import __version__
from .solvers import Solver

__all__ = [
    'PRESETS',
    'GoodinitError',
    'Net',
    'Recipe',
    'Solver',
    '__version__',
    'export',
    'fill',
    'initialize',
    'measure',
    'open_data',
    'open_net',
]
