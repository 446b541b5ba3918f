"""The reference engine: every op in plain NumPy. The other engines are tested against this
definition.

It computes in float32 or, for gradient checks, in float64. Each file has one family of ops.
"""

import numpy as np
from numpy.typing import DTypeLike

from .composed import Composed
from .convolution import Convolution
from .pooling import Pooling


class Reference(Composed, Convolution, Pooling):
    name = 'reference'

    def __init__(self, dtype: DTypeLike = np.float32):
        self.dtype = np.dtype(dtype)
