"""Which of its algorithms cuDNN convolves with, for a shape and a direction.

cuDNN offers pairs of an algorithm and a math type, each with a workspace and a time. The time is
what its heuristic expects or, asked by cudnnFind, what the card takes. The second is better, but
takes a while to find, so it decides from the second time on that a shape occurs: images of many
sizes are not worth it. For a deterministic engine it never does, since a clock may decide
differently the next time.
"""

import ctypes
from collections.abc import Sequence
from ctypes import byref, c_float, c_int, c_size_t, c_void_p
from typing import Any, NamedTuple

from ...errors import EngineError
from .array import ITEM, DeviceArray
from .cudnn import Cudnn
from .gpu import Gpu

# cudnnMathType_t. DEFAULT takes TF32 where the card has it, and FMA never; TENSOR_OP_CONVERSION
# rounds float32 to 16 bits.
DEFAULT_MATH, TENSOR_OP_MATH, TENSOR_OP_CONVERSION_MATH, FMA_MATH = range(4)
PRECISE = (FMA_MATH,)
WITH_TF32 = (DEFAULT_MATH, TENSOR_OP_MATH, FMA_MATH)

MOST_ALGORITHMS = 32  # more pairs than cuDNN offers
MOST_WORKSPACE = 2**32  # bytes of workspace
FREE_SHARE = 8  # of the memory that is free, a workspace takes at most one part in so many
FIXED_WORKSPACE = 2**28  # bytes of workspace where the choice must not depend on what is free


class Algorithm(ctypes.Structure):
    """cudnnConvolutionFwdAlgoPerf_t and its counterparts for the gradients: the performance of an
    algorithm with a math type."""

    _fields_ = (
        ('number', c_int),
        ('status', c_int),
        ('time', c_float),
        ('workspace', c_size_t),
        ('deterministic', c_int),
        ('math', c_int),
        ('reserved', c_int * 3),
    )


class Operand(NamedTuple):
    """A tensor as cuDNN takes it: its descriptor and its numbers."""

    descriptor: c_void_p
    array: DeviceArray


class Problem(NamedTuple):
    """What is to be computed: the name of the direction, the two operands that it reads, and the
    one that it writes. window: the descriptor of the convolution, with the math types that may be
    offered."""

    direction: str
    a: Operand
    b: Operand
    window: c_void_p
    out: Operand


def promising(cudnn: Cudnn, problem: Problem, tf32: bool, deterministic: bool) -> list[Algorithm]:
    """The algorithms that may solve the problem, in the order of cuDNN's heuristic."""
    room = FIXED_WORKSPACE if deterministic else workspace_room(cudnn.device)
    math = WITH_TF32 if tf32 else PRECISE
    some = [one for one in expected(cudnn, problem) if not one.status and one.math in math]
    some = [one for one in some if one.workspace <= room]
    return [one for one in some if one.deterministic or not deterministic]


def fastest(cudnn: Cudnn, problem: Problem, some: list[Algorithm]) -> list[Algorithm]:
    """Some algorithms, the fastest on this card first; as they are if cuDNN cannot measure.

    A measurement overwrites what the problem writes, except for the gradient by the weights, which
    accumulates.
    """
    if len(some) < 2:
        return some
    wanted = {(one.number, one.math) for one in some}
    workspace = max(one.workspace for one in some)
    found = [one for one in measured(cudnn, problem, workspace) if not one.status]
    return [one for one in found if (one.number, one.math) in wanted] or some


def workspace_room(device: Gpu) -> int:
    """The most bytes that a workspace may have, by the memory that is free."""
    free, _ = device.cuda.mem_get_info()
    return min(MOST_WORKSPACE, (free + device.pool.kept) // FREE_SHARE)


def expected(cudnn: Cudnn, problem: Problem) -> list[Algorithm]:
    """What cuDNN's heuristic offers, the fastest first."""
    direction, a, b, window, out = problem
    operands = (a.descriptor, b.descriptor, window, out.descriptor)
    return offered(cudnn, f'GetConvolution{direction}Algorithm_v7', *operands)


def measured(cudnn: Cudnn, problem: Problem, workspace: int) -> list[Algorithm]:
    """What cuDNN offers after it has run each, the fastest first; nothing if it cannot."""
    direction, a, b, window, out = problem
    scratch = cudnn.device.scratch
    target = out.array.address
    if direction == 'BackwardFilter':
        target = scratch('trial', ITEM * out.array.size)
    try:
        return offered(
            cudnn,
            f'FindConvolution{direction}AlgorithmEx',
            *(a.descriptor, c_void_p(a.array.address)),
            *(b.descriptor, c_void_p(b.array.address)),
            window,
            *(out.descriptor, c_void_p(target)),
            workspace=(c_void_p(scratch('workspace', workspace)), c_size_t(workspace)),
        )
    except EngineError:
        return []


def offered(
    cudnn: Cudnn, function: str, *operands: c_void_p, workspace: Sequence[Any] = ()
) -> list[Algorithm]:
    """The pairs that one of cuDNN's functions lists."""
    found = (Algorithm * MOST_ALGORITHMS)()
    count = c_int()
    space = (c_int(MOST_ALGORITHMS), byref(count), found)
    cudnn.call(function, cudnn.handle, *operands, *space, *workspace)
    return list(found[: count.value])
