"""The reference engine: every op in plain NumPy. It is the definition that the other engines are
tested against.

float32 for use, float64 for gradient checks. One file per family of ops, in the order of
interface.py.
"""

import numpy as np

from .arithmetic import Arithmetic
from .convolution import Convolution
from .normalization import Normalization
from .pooling import Pooling


class Reference(Arithmetic, Convolution, Pooling, Normalization):
    name = 'reference'

    def __init__(self, dtype=np.float32):
        self.dtype = np.dtype(dtype)
