"""The updates of many tensors in one launch: each has a size of its own, and may lie anywhere."""

from contextlib import nullcontext
from itertools import chain

import numpy as np
import pytest
from goodinit.netlib.engines.cuda.block import MOST, next_larger
from goodinit.netlib.memory import Memory, Tensor

SIZES = [3, 4096, 1, 0, 4097, 5, 1030, 1030, 4, 2, 2000, 7, 4099]


def test_a_thread_skips_what_is_too_small_for_it():
    rng = np.random.default_rng(0)
    for sizes in ([], [4], [1, 1, 1], [3, 2, 1], SIZES, rng.integers(0, 9, MOST).tolist()):
        for place, found in enumerate(next_larger(sizes)):
            assert max(sizes[place:found]) == sizes[place]
            assert found == len(sizes) or sizes[found] > sizes[place]


def placed(size, offset):
    """A tensor that begins `offset` numbers after the beginning of its memory."""
    x = Tensor((size,), Memory(size + offset), offset)
    x.array(write=True)[...] = np.random.default_rng(size).normal(size=size)
    return x


@pytest.mark.cuda
@pytest.mark.parametrize('offsets', [(0, 0, 0), (1, 1, 1), (0, 1, 3), (2, 0, 0)])
def test_updates_of_every_size_have_the_same_bits(offsets, cuda):
    """As op by op; more of them than a launch takes."""
    found = []
    for use in (nullcontext, lambda engine: engine.blockwise()):
        tensors = [tuple(map(placed, [size] * 3, offsets)) for size in SIZES]
        with use(cuda) as ops:
            for x, y, z in tensors:
                ops.axpby(0.25, x, 0.5, out=y)
                ops.binary('mul', y, y, out=z)
                ops.unary('power', z, 0.5, 1, 1, out=z)
                ops.binary('div', y, z, out=z)
                ops.axpby(-0.5, z, 1, out=x)
                ops.copy(x, out=z)
        found.append([t.array().copy() for t in chain(*tensors)])
    for one_by_one, at_once in zip(*found, strict=True):
        np.testing.assert_array_equal(at_once, one_by_one)
