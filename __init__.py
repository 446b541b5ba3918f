"""goodinit: Caffe in Python, with data-dependent weight initialization.

    import numpy as np
    import goodinit

    rng = np.random.default_rng(0)
    net = goodinit.Net('deploy.prototxt')
    goodinit.fill(net, rng)
    goodinit.initialize(net, [{'data': images}], goodinit.PRESETS['lsuv'], rng)
    net.save('init.caffemodel')
"""
from .initializers import PRESETS, Recipe, fill, initialize, measure
from .netlib import Net
from .proto.errors import GoodinitError
from .solvers import Solver

__version__ = '0.1.0'
__all__ = ['PRESETS', 'GoodinitError', 'Net', 'Recipe', 'Solver', 'fill', 'initialize', 'measure']
