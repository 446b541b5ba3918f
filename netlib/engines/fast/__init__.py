"""The fast engine: the reference engine with its hot ops replaced by C++ kernels (../native, one family a file).

It overrides an op where a kernel exists and the numbers are float32; everything else is the reference's. Where no
compiler was at hand when goodinit was installed, it is the reference engine, and says so once.
"""
import warnings

import numpy as np

from ..reference import Reference
from . import native


class Fast(Reference):
    name = 'fast'

    def __init__(self, dtype=np.float32):
        super().__init__(dtype)
        self.kernels = native.load() if self.dtype == np.float32 else None
        if self.dtype == np.float32 and self.kernels is None:
            warnings.warn('engine fast: no compiled kernels (goodinit was installed without a C++ compiler): '
                          'it computes as the reference engine does. Install g++ and goodinit anew to have them.',
                          stacklevel=2)

    def pool_max_forward(self, x, window, *, out, mask=None):
        if self.kernels is None:
            return super().pool_max_forward(x, window, out=out, mask=mask)
        pointer, longs = native.pointer, native.longs
        self.kernels.pool_max_forward(
            pointer(x), pointer(out), pointer(mask), native.c_long(x.shape[0] * x.shape[1]), longs(x.shape[2:]),
            longs(out.shape[2:]), longs(window.kernel), longs(window.stride), longs(window.pad))
