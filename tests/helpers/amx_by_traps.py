"""Compares the kernels for AMX, whose instructions a library traps and computes (amx_traps.cpp),
with those that have a stand-in for the unit. Prints how many instructions of each kind ran.

    python tests/helpers/amx_by_traps.py LIBRARY
"""

import ctypes
import sys

import numpy as np
from goodinit.netlib.engines.fast.convolution import shapes
from goodinit.netlib.engines.fast.declarations import Kernels
from goodinit.netlib.engines.interface import Window

SIMILAR = ('amx', 'amx_plain')
NUMBERS = np.random.default_rng(0)


def draw(*shape):
    return NUMBERS.standard_normal(shape, np.float32)


def same_products(M, N, K):
    for flags in range(8):
        left, right, add = bool(flags & 1), bool(flags & 2), bool(flags & 4)
        a = draw(K, M) if left else draw(M, K)
        b = draw(N, K) if right else draw(K, N)
        before = draw(M, N)
        found = []
        for isa in SIMILAR:
            c = before.copy()
            Kernels(isa).gemm(a, b, c, M, N, K, left, right, add)
            found.append(c)
        np.testing.assert_array_equal(*found)


def same_convolutions(x, W, y, window):
    convolution = shapes(x.shape, y.shape[1:], window, 1)
    found = []
    for isa in SIMILAR:
        made = forward, data, weights = np.zeros_like(y), np.zeros_like(x), np.zeros_like(W)
        kernels = Kernels(isa)
        kernels.conv_forward(x, W, None, None, forward, convolution, True, False)
        kernels.conv_backward_data(y, W, data, convolution, False)
        kernels.conv_backward_weights(x, y, weights, convolution, False)
        found.append(made)
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, theirs)


traps = ctypes.CDLL(sys.argv[1])
traps.install()
same_products(32, 32, 32)
same_products(33, 47, 65)
same_products(70, 90, 600)
window = Window((3, 2), (2, 1), (0, 1), (2, 3))
same_convolutions(draw(1, 70, 12, 11), draw(50, 70, 3, 2), draw(1, 50, 4, 10), window)
print(*(ctypes.c_long * 6).in_dll(traps, 'ran'))
