"""What the host asks of the emulated device: calls by name, with bytes."""

import ctypes
import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from goodinit.benchmarks.subjects import SOLVER, put_inputs, trained
from goodinit.proto import parse_text
from goodinit.proto.caffe_pb2 import SolverParameter
from goodinit.solvers import Solver

WARM_UP = 8  # steps: by then calls that repeat are captured
Counts = Counter[str]  # 'kernel axpby', 'copy to_device', 'copy to_device, bytes', ...


def driver() -> ctypes.CDLL:
    return ctypes.CDLL('libcuda.so.1')


def counted() -> Counts:
    """What was asked since the last call of this function."""
    counts = driver().cuda_counts
    counts.restype = ctypes.c_char_p
    found: Counts = Counter()
    for line in counts().decode().splitlines():
        kind, name, calls, moved = line.split()
        found[f'{kind} {name}'] = int(calls)
        if int(moved):
            found[f'{kind} {name}, bytes'] = int(moved)
    return found


@contextmanager
def emptied() -> Iterator[None]:
    """A device that checks and counts calls, but computes and copies nothing."""
    empty = ctypes.c_int.in_dll(driver(), 'cuda_empty')
    before = empty.value
    empty.value = 1
    try:
        yield
    finally:
        empty.value = before


def training(model: str, batch: int, engine: Any) -> tuple[Solver, Callable[[], None]]:
    """The training of a bundled net as the tools train it, and a function that gives it a batch and
    takes a step.

    Weights stay zero: they are only counted. The first steps take memory and compile.
    """
    param = trained(model, batch)
    source = parse_text(SOLVER, SolverParameter(net_param=param))
    solver = Solver(source, engine=engine, fill=lambda net: None, share_memory=True)

    def step() -> None:
        put_inputs(solver.net, param)
        solver.step(1)

    for _ in range(WARM_UP):
        step()
    return solver, step


def counts_of_step(model: str, batch: int, engine: Any) -> Counts:
    """What a training step of a bundled net asks of the device."""
    with emptied():
        _, step = training(model, batch, engine)
        counted()
        step()
        found = counted()
    del step
    gc.collect()
    engine.device.pool.release()
    return found
