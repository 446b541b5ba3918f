"""Convolutions by cuDNN, by functions available in all versions since 8."""

import functools
from collections.abc import Sequence
from ctypes import byref, c_float, c_int, c_size_t, c_void_p
from typing import Any

from ...errors import EngineError
from ...memory import Places
from ...shapes import Shape
from ..windows import Window
from .array import DeviceArray
from .cudnn import Cudnn
from .cudnn_algorithms import (
    DEFAULT_MATH,
    FMA_MATH,
    WITH_TF32,
    Algorithm,
    Operand,
    Problem,
    fastest,
    promising,
)

# Of cudnn.h:
FLOAT, NCHW, CROSS_CORRELATION = 0, 0, 1

AXES = 2, 3  # the numbers of spatial axes that cuDNN accepts; fewer are padded
# The directions, and whether each adds to what it writes.
ACCUMULATES = {'Forward': 0.0, 'BackwardData': 0.0, 'BackwardFilter': 1.0}


class Convolution:
    """A convolution of fixed shapes: its descriptors, and for each direction the algorithms that
    may compute it, the best first.

    An algorithm goes with a math type, so there is a descriptor of the convolution for each type.
    """

    def __init__(
        self,
        cudnn: Cudnn,
        x: Shape,
        W: Shape,
        y: Shape,
        window: Window,
        groups: int,
        tf32: bool,
        deterministic: bool,
    ):
        self.cudnn, self.tf32, self.deterministic = cudnn, tf32, deterministic
        self.algorithms: dict[str, list[Algorithm]] = {}
        self.measured = dict.fromkeys(ACCUMULATES, deterministic)
        self.rectifies = True  # until cuDNN refuses
        self.failure = ''  # what cuDNN said of the last algorithm that failed
        self.descriptors: list[tuple[str, c_void_p]] = []
        missing = AXES[0] - len(window.kernel)
        self.x = self._tensor(filled(x, missing))
        self.y = self._tensor(filled(y, missing))
        self.bias = self._tensor(filled((1, y[1], *[1] * len(window.kernel)), missing))
        self.W = self._filter(filled(W, missing))
        self.windows: dict[int, c_void_p] = {}  # by math type
        for math in WITH_TF32:
            made = self._window(window, missing)
            cudnn.call('SetConvolutionGroupCount', made, c_int(groups))
            cudnn.call('SetConvolutionMathType', made, c_int(math))
            self.windows[math] = made

    def compute(self, direction: str, x: DeviceArray, W: DeviceArray, y: DeviceArray) -> bool:
        """Compute y (Forward), x (BackwardData) or add to W (BackwardFilter) from the other two.

        An algorithm that fails is dropped for the next one. Returns False if none is left.
        """
        device = self.cudnn.device
        device.run_graphs()
        problem = self.problem(direction, x, W, y)
        algorithms = self._best(problem)
        while algorithms:
            workspace = device.scratch('workspace', algorithms[0].workspace)
            run = self._run(problem, algorithms[0], workspace)
            try:
                self._queue(run)
            except EngineError as error:
                self.failure = str(error)
                del algorithms[0]
                Places.change()
            else:
                return True
        return False

    def rectified(self, x: DeviceArray, W: DeviceArray, bias: DeviceArray, y: DeviceArray) -> bool:
        """Compute y = ReLU(convolution + bias) in one call. Returns False if cuDNN cannot."""
        device = self.cudnn.device
        device.run_graphs()
        problem = self.problem('Forward', x, W, y)
        algorithms = self._best(problem)
        if not algorithms or not self.rectifies:
            return False
        workspace = device.scratch('workspace', algorithms[0].workspace)
        run = self._run_rectified(problem, algorithms[0], workspace, bias)
        try:
            self._queue(run)
        except EngineError:
            self.rectifies = False
        return self.rectifies

    def problem(self, direction: str, x: DeviceArray, W: DeviceArray, y: DeviceArray) -> Problem:
        """What a direction reads and writes."""
        tensors = Operand(self.x, x), Operand(self.W, W), Operand(self.y, y)
        orders = {'Forward': (0, 1, 2), 'BackwardData': (1, 2, 0), 'BackwardFilter': (0, 2, 1)}
        a, b, out = (tensors[i] for i in orders[direction])
        offered = DEFAULT_MATH if self.tf32 else FMA_MATH
        return Problem(direction, a, b, self.windows[offered], out)

    def _best(self, problem: Problem) -> list[Algorithm]:
        """The algorithms for a problem, the best first: as cuDNN expects them to be the first time,
        as it has measured them from then on.

        Whoever has kept a convolution to repeat it has kept its algorithm, as it has places of
        numbers, and learns in the same way that there is another one.
        """
        direction = problem.direction
        if direction not in self.algorithms:
            some = promising(self.cudnn, problem, self.tf32, self.deterministic)
            self.algorithms[direction] = some
            if not self.measured[direction]:
                Places.change()  # what is kept now would never be measured
        elif not self.measured[direction]:
            self.measured[direction] = True
            some = fastest(self.cudnn, problem, self.algorithms[direction])
            self.algorithms[direction] = some
        return self.algorithms[direction]

    def _queue(self, run: tuple[Any, ...]) -> None:
        """Make a call, and note it to be made again. Raises EngineError if cuDNN refuses."""
        self.call(*run)
        self.cudnn.device.settle(f'cudnn{run[0]}')
        self.cudnn.device.note(self.call, *run)

    def call(self, name: str, *arguments: Any) -> None:
        """Call cuDNN with descriptors of this object, which a note of this call keeps alive."""
        self.cudnn.call(name, *arguments)

    def _run(self, problem: Problem, algorithm: Algorithm, workspace: int) -> tuple[Any, ...]:
        """The arguments of `call` that compute a problem."""
        direction, a, b, _, out = problem
        return (
            f'Convolution{direction}',
            self.cudnn.handle,
            byref(c_float(1)),
            *(a.descriptor, c_void_p(a.array.address)),
            *(b.descriptor, c_void_p(b.array.address)),
            self.windows[algorithm.math],
            c_int(algorithm.number),
            c_void_p(workspace),
            c_size_t(algorithm.workspace),
            byref(c_float(ACCUMULATES[direction])),
            *(out.descriptor, c_void_p(out.array.address)),
        )

    def _run_rectified(
        self, problem: Problem, algorithm: Algorithm, workspace: int, bias: DeviceArray
    ) -> tuple[Any, ...]:
        """The arguments of `call` that compute a problem, its bias and its ReLU. What cuDNN could
        add besides, times 0, is y."""
        _, x, W, _, y = problem
        return (
            'ConvolutionBiasActivationForward',
            self.cudnn.handle,
            byref(c_float(1)),
            *(x.descriptor, c_void_p(x.array.address)),
            *(W.descriptor, c_void_p(W.array.address)),
            self.windows[algorithm.math],
            c_int(algorithm.number),
            c_void_p(workspace),
            c_size_t(algorithm.workspace),
            byref(c_float(0)),
            *(y.descriptor, c_void_p(y.array.address)),
            *(self.bias, c_void_p(bias.address)),
            self.cudnn.relu,
            *(y.descriptor, c_void_p(y.array.address)),
        )

    # -- descriptors

    def _tensor(self, shape: Shape) -> c_void_p:
        strides = [1]
        for extent in reversed(shape[1:]):
            strides.insert(0, strides[0] * extent)
        return self._descriptor(
            'Tensor', c_int(FLOAT), c_int(len(shape)), ints(shape), ints(strides)
        )

    def _filter(self, shape: Shape) -> c_void_p:
        return self._descriptor('Filter', c_int(FLOAT), c_int(NCHW), c_int(len(shape)), ints(shape))

    def _window(self, window: Window, missing: int) -> c_void_p:
        pad = (0,) * missing + window.pad
        stride = (1,) * missing + window.stride
        dilation = (1,) * missing + window.dilation
        arrays = (ints(pad), ints(stride), ints(dilation))
        kinds = (c_int(CROSS_CORRELATION), c_int(FLOAT))
        return self._descriptor('Convolution', c_int(len(pad)), *arrays, *kinds)

    def _descriptor(self, kind: str, *values: Any) -> c_void_p:
        made = c_void_p()
        self.cudnn.call(f'Create{kind}Descriptor', byref(made))
        self.descriptors.append((kind, made))
        self.cudnn.call(f'Set{kind}NdDescriptor', made, *values)
        return made

    def __del__(self) -> None:
        for kind, made in self.descriptors:
            self.cudnn.call(f'Destroy{kind}Descriptor', made)


def filled(shape: Shape, missing: int) -> Shape:
    """A shape (N, C, ...) with its missing spatial axes inserted, of extent 1."""
    return (*shape[:2], *(1,) * missing, *shape[2:])


def ints(values: Sequence[int]) -> Any:
    return (c_int * len(values))(*values)


# The Convolution for these arguments, with what is known of its algorithms.
planned = functools.lru_cache(maxsize=1000)(Convolution)
