"""The part of cuDNN that the engine uses, by ctypes: convolutions, by the calls that all versions
from 8 on have."""

import ctypes
import functools
from ctypes import byref, c_float, c_int, c_size_t, c_void_p
from typing import Any

from ...errors import EngineError, import_extra
from ...shapes import Shape
from ..interface import Window
from .device import Device, DeviceArray, open_device

# Of cudnn.h:
FLOAT, NCHW, CROSS_CORRELATION = 0, 0, 1
DEFAULT_MATH, FMA_MATH = 0, 3  # the default takes TF32 where the processor has it
MOST_ALGORITHMS = 32  # more than there are

MOST_WORKSPACE = 2**28  # bytes that an algorithm may take for itself
AXES = 2, 3  # the spatial axes that cuDNN knows; fewer are filled up
OPERANDS = {
    'Forward': 'xWy',
    'BackwardData': 'Wyx',
    'BackwardFilter': 'xyW',
}  # two that are read, one written


class Algorithm(ctypes.Structure):
    """cudnnConvolutionFwdAlgoPerf_t, and its like for the gradients: what cuDNN expects of an
    algorithm."""

    _fields_ = [
        ('number', c_int),
        ('status', c_int),
        ('time', c_float),
        ('workspace', c_size_t),
        ('deterministic', c_int),
        ('math', c_int),
        ('reserved', c_int * 3),
    ]


class Cudnn:
    """A cuDNN handle that computes in the stream of a device."""

    def __init__(self, device: Device):
        finder: Any = import_extra('cuda.pathfinder', 'cuda')
        try:
            self.library = ctypes.CDLL(finder.load_nvidia_dynamic_lib('cudnn').abs_path)
        except (finder.DynamicLibNotFoundError, OSError) as error:
            raise EngineError(
                'engine: CUDNN needs cuDNN, which is not found: pip install nvidia-cudnn-cu13 (or -cu12, '
                'for CUDA 12), or leave the field engine out'
            ) from error
        self.device, self.handle = device, c_void_p()
        self.call('Create', byref(self.handle))
        self.call('SetStream', self.handle, c_void_p(device.stream.handle))

    def call(self, name: str, *arguments) -> None:
        if status := getattr(self.library, f'cudnn{name}')(*arguments):
            raise EngineError(f'cuDNN failed: cudnn{name} gave status {status}')

    @functools.lru_cache(maxsize=1000)  # noqa: B019 (there is one handle, for the life of the process)
    def convolution(self, *arguments) -> 'Convolution':
        """The Convolution of these arguments."""
        return Convolution(self, *arguments)


class Convolution:
    """One convolution, of fixed shapes: its descriptors, and for each direction the algorithm that
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
        ones = (1,) * (AXES[0] - len(window.kernel))
        self.x, self.y = (self._tensor((*shape[:2], *ones, *shape[2:])) for shape in (x, y))
        shape = (*W[:2], *ones, *W[2:])
        self.W = self._descriptor(
            'Filter', c_int(FLOAT), c_int(NCHW), c_int(len(shape)), ints(shape)
        )
        pad, stride, dilation = (
            (*fill, *values)
            for fill, values in (
                ([0] * len(ones), window.pad),
                (ones, window.stride),
                (ones, window.dilation),
            )
        )
        self.window = self._descriptor(
            'Convolution',
            c_int(len(pad)),
            ints(pad),
            ints(stride),
            ints(dilation),
            c_int(CROSS_CORRELATION),
            c_int(FLOAT),
        )
        cudnn.call('SetConvolutionGroupCount', self.window, c_int(groups))
        cudnn.call('SetConvolutionMathType', self.window, c_int(DEFAULT_MATH if tf32 else FMA_MATH))
        self.algorithms: dict[str, Algorithm | None] = {}

    def _tensor(self, shape):
        strides = [1]
        for extent in reversed(shape[1:]):
            strides.insert(0, strides[0] * extent)
        return self._descriptor(
            'Tensor', c_int(FLOAT), c_int(len(shape)), ints(shape), ints(strides)
        )

    def _descriptor(self, kind, *values):
        made = c_void_p()
        self.cudnn.call(f'Create{kind}Descriptor', byref(made))
        self.cudnn.call(f'Set{kind}NdDescriptor', made, *values)
        return made

    def __del__(self):
        for kind, name in (
            ('Tensor', 'x'),
            ('Tensor', 'y'),
            ('Filter', 'W'),
            ('Convolution', 'window'),
        ):
            if name in vars(self):
                self.cudnn.call(f'Destroy{kind}Descriptor', getattr(self, name))

    def forward(self, x: DeviceArray, W: DeviceArray, y: DeviceArray) -> None:
        self._run('Forward', x, W, 0, y)

    def backward_data(self, dy: DeviceArray, W: DeviceArray, dx: DeviceArray) -> None:
        self._run('BackwardData', W, dy, 0, dx)

    def backward_weights(self, x: DeviceArray, dy: DeviceArray, dW: DeviceArray) -> None:
        self._run('BackwardFilter', x, dy, 1, dW)

    def algorithm(self, name: str) -> Algorithm | None:
        """What is to compute one of OPERANDS; None where cuDNN has nothing for these shapes."""
        if name not in self.algorithms:
            self.algorithms[name] = self._choose(name)
        return self.algorithms[name]

    def _run(self, name, a, b, beta, out):
        chosen = self.algorithm(name)
        if chosen is None:
            raise EngineError(
                f'cuDNN has no algorithm for Convolution{name} of these shapes: say engine: CAFFE'
            )
        workspace = self.cudnn.device.scratch('workspace', chosen.workspace)
        a_shape, b_shape, out_shape = self._operands(name)
        self.cudnn.call(
            f'Convolution{name}',
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

    def _choose(self, name):
        found, count = (Algorithm * MOST_ALGORITHMS)(), c_int()
        a, b, out = self._operands(name)
        self.cudnn.call(
            f'GetConvolution{name}Algorithm_v7',
            self.cudnn.handle,
            a,
            b,
            self.window,
            out,
            c_int(MOST_ALGORITHMS),
            byref(count),
            found,
        )
        for algorithm in found[: count.value]:  # the fastest first
            if (
                not algorithm.status
                and algorithm.workspace <= MOST_WORKSPACE
                and (algorithm.deterministic or not self.deterministic)
            ):
                return algorithm
        return None

    def _operands(self, name):
        return (getattr(self, operand) for operand in OPERANDS[name])


def ints(values):
    return (c_int * len(values))(*values)


@functools.cache
def open_cudnn() -> Cudnn:
    """The handle that all engines share."""
    return Cudnn(open_device())
