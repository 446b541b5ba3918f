"""The fast engine: the reference engine with its hot ops by C++ kernels (kernels/, one idea a
file).

A kernel takes float32 and the shapes that matter; all else is the reference's. One family of ops
per file here, with what it takes to call their kernels. Where no compiler was at hand when goodinit
was installed, this is the reference engine, and says so.
"""

import warnings

import numpy as np

from . import native
from .arithmetic import Arithmetic
from .convolution import Convolution
from .normalization import Normalization
from .pooling import Pooling


class Fast(Arithmetic, Convolution, Pooling, Normalization):
    """exact: without Winograd's transforms, whose rounding errors, about 1e-5 of the largest value,
    are some ten times those of a plain sum."""

    def __init__(self, dtype=np.float32, exact: bool = False):
        super().__init__(dtype)
        self.name, self.exact = 'exact' if exact else 'fast', exact
        self.kernels = native.load() if self.dtype == np.float32 else None
        if self.dtype == np.float32 and self.kernels is None:
            warnings.warn(
                'engine fast: no compiled kernels (goodinit was installed without a C++ compiler): '
                'it computes as the reference engine does. Install g++ and goodinit anew to have them.',
                stacklevel=2,
            )
