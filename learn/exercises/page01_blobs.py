"""Page 1: blob and shape."""

import numpy as np

from ...netlib import Net
from ...proto import parse_net
from ..exercise import exercise
from ..one_layer import dims


@exercise(
    '1.1',
    'the place of a number in memory',
    [
        {'shape': [2, 3, 4, 5], 'index': [0, 0, 0, 1]},
        {'shape': [2, 3, 4, 5], 'index': [1, 2, 3, 4]},
        {'shape': [8, 3, 2, 7], 'index': [5, 1, 0, 3]},
        {'shape': [6, 10], 'index': [4, 7]},
        {'shape': [9], 'index': [3]},
    ],
)
def offset(shape: list[int], index: list[int]) -> int:
    """How many numbers come before the one at `index` in the memory of a blob.

    A blob is kept row by row: the last axis changes fastest. For four axes that is
    ((n C + c) H + h) W + w. Write it for any number of axes.
    """
    return int(np.ravel_multi_index(index, shape))


@offset.mistake('the first axis changes fastest here; in a blob it is the last one')
def offset_by_columns(shape, index):
    return int(np.ravel_multi_index(index, shape, order='F'))


@offset.mistake(
    'it multiplies by the extent of the axis itself; needed: those of the axes after it'
)
def offset_by_own_extent(shape, index):
    return sum(i * n for i, n in zip(index[:-1], shape, strict=False)) + index[-1]


@offset.mistake('it counts from 1: the number at index 0 has no number before it')
def offset_from_one(shape, index):
    return offset.solution(shape, index) + 1


RESHAPE = (
    'layer {{ name: "r" type: "Reshape" bottom: "x" top: "y" reshape_param {{ shape {{ {} }} }} }}'
)


@exercise(
    '1.2',
    'the shape that a Reshape layer gives',
    [
        {'shape': [2, 8], 'dims': [2, 4, 2]},
        {'shape': [2, 3, 4, 5], 'dims': [0, 60]},
        {'shape': [2, 3, 4, 5], 'dims': [0, -1]},
        {'shape': [2, 3, 4, 5], 'dims': [-1, 0, 2, 2]},
        {'shape': [6, 4], 'dims': [3, -1, 2]},
    ],
)
def reshaped(shape: list[int], dims: list[int]) -> list[int]:
    """The shape of the top of a Reshape layer, for the shape of its bottom and the dims in its
    reshape_param.

    A dim of 0 copies the extent of the bottom at that place. One dim may be -1: it is what makes
    the number of elements come out right.
    """
    return layer_shape(shape, dims)


def layer_shape(shape: list[int], wanted: list[int]) -> list[int]:
    bottom = f'input: "x" input_shape {{ {dims(shape)} }}'
    net = Net(parse_net(bottom + RESHAPE.format(dims(wanted))))
    return list(net.blobs['y'].shape)


@reshaped.mistake('a dim of 0 is taken as an extent; it stands for the extent of the bottom there')
def zero_kept(shape, dims):
    product = abs(int(np.prod([n for n in dims if n > 0])))
    total = int(np.prod(shape))
    return [total // product if n == -1 else n for n in dims]


@reshaped.mistake('a dim of -1 is left as it is; it has to be computed from the number of elements')
def minus_one_kept(shape, dims):
    return [shape[i] if n == 0 else n for i, n in enumerate(dims)]


@reshaped.mistake('the -1 is computed without the axes that a dim of 0 copies')
def copied_axes_forgotten(shape, dims):
    total = int(np.prod(shape))
    product = int(np.prod([n for n in dims if n > 0]))
    inferred = [total // product if n == -1 else n for n in dims]
    return [shape[i] if n == 0 else n for i, n in enumerate(inferred)]
