"""The part of cuDNN that the engine uses, through ctypes: convolutions, by functions available in
all versions since 8."""

import ctypes
import functools
from collections.abc import Sequence
from ctypes import byref, c_float, c_int, c_size_t, c_void_p
from typing import Any

from ...errors import EngineError, import_extra
from ...shapes import Shape
from ..windows import Window
from .array import DeviceArray
from .device import open_device
from .gpu import Gpu

# Of cudnn.h:
FLOAT, NCHW, CROSS_CORRELATION = 0, 0, 1
DEFAULT_MATH, FMA_MATH = 0, 3  # the default uses TF32 where supported
MOST_ALGORITHMS = 32  # more than exist

MOST_WORKSPACE = 2**28  # bytes of workspace that an algorithm may use
AXES = 2, 3  # the numbers of spatial axes that cuDNN accepts; fewer are padded


class Algorithm(ctypes.Structure):
    """cudnnConvolutionFwdAlgoPerf_t and its counterparts for the gradients: the performance that
    cuDNN expects from an algorithm."""

    _fields_ = (
        ('number', c_int),
        ('status', c_int),
        ('time', c_float),
        ('workspace', c_size_t),
        ('deterministic', c_int),
        ('math', c_int),
        ('reserved', c_int * 3),
    )


class Cudnn:
    """A cuDNN handle that computes in the stream of a device."""

    def __init__(self, device: Gpu):
        finder: Any = import_extra('cuda.pathfinder', 'cuda')
        try:
            self.library = ctypes.CDLL(finder.load_nvidia_dynamic_lib('cudnn').abs_path)
        except (finder.DynamicLibNotFoundError, OSError) as error:
            raise EngineError(
                'engine: CUDNN needs cuDNN, which was not found: pip install nvidia-cudnn-cu13 (or '
                '-cu12, for CUDA 12), or remove the field engine'
            ) from error
        self.device = device
        self.handle = c_void_p()
        self.call('Create', byref(self.handle))
        self.call('SetStream', self.handle, c_void_p(device.stream.handle))

    def call(self, name: str, *arguments: Any) -> None:
        """Call cudnn<name>. Raises EngineError if that fails."""
        status = getattr(self.library, f'cudnn{name}')(*arguments)
        if status:
            raise EngineError(f'cuDNN failed: cudnn{name} gave status {status}')

    @functools.lru_cache(maxsize=1000)  # noqa: B019 (one handle, for the life of the process)
    def convolution(
        self,
        x: Shape,
        W: Shape,
        y: Shape,
        window: Window,
        groups: int,
        tf32: bool,
        deterministic: bool,
    ) -> 'Convolution':
        """The Convolution for these arguments."""
        return Convolution(self, x, W, y, window, groups, tf32, deterministic)


class Convolution:
    """A convolution of fixed shapes: its descriptors, and for each direction the algorithm that
    cuDNN expects to be the fastest within MOST_WORKSPACE."""

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
        self.cudnn, self.deterministic = cudnn, deterministic
        self.algorithms: dict[str, Algorithm | None] = {}
        self.descriptors: list[tuple[str, c_void_p]] = []
        missing = AXES[0] - len(window.kernel)
        self.x = self._tensor(filled(x, missing))
        self.y = self._tensor(filled(y, missing))
        self.W = self._filter(filled(W, missing))
        self.window = self._window(window, missing)
        cudnn.call('SetConvolutionGroupCount', self.window, c_int(groups))
        cudnn.call('SetConvolutionMathType', self.window, c_int(DEFAULT_MATH if tf32 else FMA_MATH))

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

    def forward(self, x: DeviceArray, W: DeviceArray, y: DeviceArray) -> None:
        self._run('Forward', x, W, 0, y)

    def backward_data(self, dy: DeviceArray, W: DeviceArray, dx: DeviceArray) -> None:
        self._run('BackwardData', W, dy, 0, dx)

    def backward_weights(self, x: DeviceArray, dy: DeviceArray, dW: DeviceArray) -> None:
        self._run('BackwardFilter', x, dy, 1, dW)

    def algorithm(self, direction: str) -> Algorithm | None:
        """The algorithm for a direction; None if cuDNN has none for these shapes."""
        if direction not in self.algorithms:
            self.algorithms[direction] = self._choose(direction)
        return self.algorithms[direction]

    def _run(
        self, direction: str, a: DeviceArray, b: DeviceArray, beta: float, out: DeviceArray
    ) -> None:
        chosen = self.algorithm(direction)
        if chosen is None:
            raise EngineError(
                f'cuDNN has no algorithm for Convolution{direction} of these shapes: use engine: '
                'CAFFE'
            )
        workspace = self.cudnn.device.scratch('workspace', chosen.workspace)
        a_shape, b_shape, out_shape = self._operands(direction)
        self.cudnn.device.call(
            self.call,
            f'Convolution{direction}',
            self.cudnn.handle,
            byref(c_float(1)),
            a_shape,
            c_void_p(a.address),
            b_shape,
            c_void_p(b.address),
            self.window,
            c_int(chosen.number),
            c_void_p(workspace),
            c_size_t(chosen.workspace),
            byref(c_float(beta)),
            out_shape,
            c_void_p(out.address),
        )

    def call(self, name: str, *arguments: Any) -> None:
        """Call cuDNN with descriptors of this object, which a note of this call keeps alive."""
        self.cudnn.call(name, *arguments)

    def _choose(self, direction: str) -> Algorithm | None:
        found = (Algorithm * MOST_ALGORITHMS)()
        count = c_int()
        a, b, out = self._operands(direction)
        self.cudnn.call(
            f'GetConvolution{direction}Algorithm_v7',
            self.cudnn.handle,
            a,
            b,
            self.window,
            out,
            c_int(MOST_ALGORITHMS),
            byref(count),
            found,
        )
        # The fastest comes first.
        return next(filter(self._usable, found[: count.value]), None)

    def _usable(self, algorithm: Algorithm) -> bool:
        if algorithm.status or algorithm.workspace > MOST_WORKSPACE:
            return False
        return bool(algorithm.deterministic) or not self.deterministic

    def _operands(self, direction: str) -> tuple[c_void_p, c_void_p, c_void_p]:
        """The descriptors of a direction's operands: the two it reads, then the one it writes."""
        if direction == 'Forward':
            return self.x, self.W, self.y
        if direction == 'BackwardData':
            return self.W, self.y, self.x
        return self.x, self.y, self.W


def filled(shape: Shape, missing: int) -> Shape:
    """A shape (N, C, ...) with its missing spatial axes inserted, of extent 1."""
    return (*shape[:2], *(1,) * missing, *shape[2:])


def ints(values: Sequence[int]) -> Any:
    return (c_int * len(values))(*values)


@functools.cache
def open_cudnn() -> Cudnn:
    """The handle that all engines share."""
    return Cudnn(open_device())
