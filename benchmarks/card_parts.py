"""What first_card.py measures besides whole nets: compilation, memory, launches, uploads, what
cuDNN offers, and whether two trainings end in the same bits."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from goodinit.benchmarks.card_timing import Repeats, timed
from goodinit.benchmarks.subjects import filled_solver, trained
from goodinit.netlib.engines.cuda import launch
from goodinit.netlib.engines.cuda.cudnn import Cudnn, open_cudnn
from goodinit.netlib.engines.cuda.cudnn_algorithms import Algorithm, expected, measured
from goodinit.netlib.engines.cuda.cudnn_convolution import ACCUMULATES, Convolution
from goodinit.netlib.engines.cuda.device import open_device
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.netlib.engines.interface import Window
from goodinit.netlib.memory import Tensor
from goodinit.netlib.shapes import conv_extent

Numbers = dict[str, Any]
FEW = Repeats(turns=3, passes=3)

# Channels, filters, extent, kernel, stride and pad of convolutions in ResNet-50 and VGG-16.
SHAPES = [
    (3, 64, 224, 7, 2, 3),
    (64, 64, 56, 3, 1, 1),
    (256, 64, 56, 1, 1, 0),
    (512, 512, 14, 3, 1, 1),
    (3, 64, 224, 3, 1, 1),
]
SMALL_SHAPES = [(3, 4, 6, 3, 1, 1)]

# Channels, filters and extent of the convolutions of 1 x 1 in ResNet-50 and GoogLeNet.
POINTWISE = [(64, 64, 56), (64, 256, 56), (256, 64, 56), (128, 512, 28), (512, 128, 28)]
POINTWISE += [(256, 1024, 14), (1024, 256, 14), (512, 2048, 7), (2048, 512, 7)]
POINTWISE += [(192, 16, 28), (480, 192, 14), (832, 128, 7)]
SMALL_POINTWISE = [(3, 4, 6)]


def compile_seconds() -> dict[str, float]:
    """The seconds that nvcc, or PyCUDA's cache, takes for each family of kernels."""
    open_device()
    found = {}
    for path in sorted(launch.KERNELS.glob('*.cu')):
        start = time.perf_counter()
        launch.compiled(path.stem)
        found[path.stem] = time.perf_counter() - start
    return found


def memory_rates(engine: Cuda, numbers: int) -> dict[str, float]:
    """GB/s of kernels that move memory, on tensors of so many numbers."""
    x, y = engine.tensor(numbers), engine.tensor(numbers)
    wide, channel = engine.tensor(8, 64, numbers // 512), engine.tensor(1, 64, 1)
    for tensor in (x, y, wide, channel):
        engine.fill(0.5, out=tensor)
    runs: dict[str, tuple[int, Callable[[], object]]] = {  # with the tensors that each moves
        'fill': (1, lambda: engine.fill(0, out=x)),
        'relu': (2, lambda: engine.unary('relu', x, 0, out=y)),
        'axpby': (3, lambda: engine.axpby(1, x, 1, out=y)),
        'binary add': (3, lambda: engine.binary('add', x, y, out=y)),
        'scale_shift': (2, lambda: engine.scale_shift(wide, channel, channel, out=wide)),
        'sum to 64 channels': (1, lambda: engine.sum(wide, out=channel)),
    }
    found = {}
    for name, (moved, run) in runs.items():
        took = timed(run, engine.device.finish, FEW)
        found[name] = 4e-9 * moved * numbers / took.seconds
    return found


def launch_microseconds(engine: Cuda) -> float:
    """What the host needs to queue a small kernel."""
    x, y = engine.tensor(10), engine.tensor(10)

    def run() -> None:
        for _ in range(1000):
            engine.axpby(1, x, 1, out=y)

    took = timed(run, engine.device.finish, Repeats(turns=3, passes=1))
    return 1e3 * took.host_seconds


def upload_rate(engine: Cuda, numbers: int) -> Numbers:
    """GB/s of a batch's way to the card, and the host's milliseconds for it."""
    host = np.ones(numbers, np.float32)
    place = engine.tensor(numbers)
    address = place.memory.device(engine.device, True)
    took = timed(lambda: engine.device.upload(host, address), engine.device.finish, FEW)
    return {
        'bytes': host.nbytes,
        'gb_per_s': 1e-9 * host.nbytes / took.seconds,
        'host_ms': 1e3 * took.host_seconds,
    }


# -- cuDNN


def cudnn_choices(emulated: bool) -> list[Numbers]:
    """For each shape, precision and direction: what cuDNN's heuristic offers, what it measures, and
    what the engine chooses. Raises EngineError without cuDNN."""
    cudnn = open_cudnn()
    rows = []
    batch, shapes = (2, SMALL_SHAPES) if emulated else (64, SHAPES)
    for channels, filters, extent, kernel, stride, pad in shapes:
        window = Window((kernel,) * 2, (stride,) * 2, (pad,) * 2, (1, 1))
        out = conv_extent(extent, kernel, stride, pad, 1)
        x, W = (batch, channels, extent, extent), (filters, channels, kernel, kernel)
        for tf32 in (False, True):
            engine = Cuda(tf32=tf32)
            tensors = [engine.tensor(*shape) for shape in (x, W, (batch, filters, out, out))]
            for tensor in tensors:
                engine.fill(0.5, out=tensor)
            name = f'{channels} -> {filters}, {extent} x {extent}, {kernel} x {kernel} / {stride}'
            rows += offers(cudnn, engine, name, tensors, window)
    return rows


def offers(
    cudnn: Cudnn, engine: Cuda, name: str, tensors: list[Tensor], window: Window
) -> list[Numbers]:
    """A row for each direction of a convolution."""
    x, W, y = (engine.writes(tensor) for tensor in tensors)
    plan = Convolution(cudnn, x.shape, W.shape, y.shape, window, 1, engine.tf32, False)
    rows = []
    for direction in ACCUMULATES:
        plan.compute(direction, x, W, y)
        plan.compute(direction, x, W, y)  # after a measurement
        problem = plan.problem(direction, x, W, y)
        chosen = plan.algorithms[direction]
        workspace = max([one.workspace for one in chosen], default=0)
        rows.append(
            {
                'convolution': name,
                'precision': 'tf32' if engine.tf32 else 'float32',
                'direction': direction,
                'expected': list(map(described, expected(cudnn, problem))),
                'measured': list(map(described, measured(cudnn, problem, workspace))),
                'chosen': [described(one) for one in chosen[:1]],
            }
        )
    return rows


def described(one: Algorithm) -> Numbers:
    """The fields of a pair of algorithm and math type."""
    return {
        'algorithm': one.number,
        'math': one.math,
        'status': one.status,
        'ms': one.time,
        'workspace_mb': round(one.workspace / 1e6, 1),
        'deterministic': bool(one.deterministic),
    }


# -- convolutions of 1 x 1


def pointwise_ms(emulated: bool) -> list[Numbers]:
    """For each shape, precision and direction: milliseconds by cuDNN, and as products."""
    rows = []
    batch, shapes = (2, SMALL_POINTWISE) if emulated else (64, POINTWISE)
    for channels, filters, extent in shapes:
        for tf32 in (False, True):
            engine = Cuda(tf32=tf32)
            x = engine.tensor(batch, channels, extent, extent)
            y = engine.tensor(batch, filters, extent, extent)
            W = engine.tensor(filters, channels, 1, 1)
            for tensor in (x, W, y):
                engine.fill(0.5, out=tensor)
            name = f'{channels} -> {filters}, {extent} x {extent}'
            precision = 'tf32' if tf32 else 'float32'
            for direction in ACCUMULATES:
                took = pointwise_times(engine, direction, x, W, y)
                rows.append(
                    {'convolution': name, 'precision': precision, 'direction': direction} | took
                )
    return rows


def pointwise_times(engine: Cuda, direction: str, x: Tensor, W: Tensor, y: Tensor) -> Numbers:
    """Milliseconds of one direction."""
    operands = [engine.writes(tensor) for tensor in (x, W, y)]
    products = {
        'Forward': engine._product,
        'BackwardData': engine._product_backward_data,
        'BackwardFilter': engine._product_backward_weights,
    }
    window = Window((1, 1), (1, 1), (0, 0), (1, 1))
    plan = Convolution(open_cudnn(), x.shape, W.shape, y.shape, window, 1, engine.tf32, False)
    ways = {
        'cudnn_ms': lambda: plan.compute(direction, *operands),
        'products_ms': lambda: products[direction](*operands),
    }
    finish = engine.device.finish
    return {name: 1e3 * timed(run, finish, FEW).seconds for name, run in ways.items()}


# -- bits


def same_bits(net: str, batch: int, steps: int) -> dict[str, Numbers]:
    """Whether two trainings from the same start end in the same bits, and how far apart."""
    found = {}
    for deterministic in (True, False):
        ends = []
        for _ in range(2):
            engine = Cuda(deterministic=deterministic)
            solver = filled_solver(trained(net, batch), engine, share_memory=True)
            solver.param.base_lr = 0.01
            solver.step(steps)
            ends.append(np.concatenate([param.data.ravel() for param in solver.learnable]))
        apart = float(np.abs(ends[0] - ends[1]).max())
        name = 'deterministic' if deterministic else 'not deterministic'
        found[name] = {'same': bool(np.array_equal(ends[0], ends[1])), 'largest_difference': apart}
    return found
