"""What is global in Caffe: the mode, the random numbers, the log, the rank among solvers; and its
stopwatch."""

from __future__ import annotations

import os
import time
import warnings
from dataclasses import dataclass, field

from ..netlib.engines import Engine, make_engine
from ..netlib.engines.cuda.device import gpu_count, use_gpu
from ..netlib.errors import EngineError, GoodinitError
from ..netlib.registry import LAYERS
from ..netlib.rng import Rng, make_rng, rng_of
from ..solvers.log import glog


@dataclass
class Common:
    """The settings that hold for nets and solvers built from now on."""

    engine: Engine = field(default_factory=make_engine)
    rng: Rng = field(default_factory=lambda: rng_of(None))
    gpu: bool = False
    device: int = 0
    solver_count: int = 1
    solver_rank: int = 0
    multiprocess: bool = False

    def seed(self) -> int:
        """A new seed, for what a net draws while it runs."""
        return int(self.rng.integers(2**32))


common = Common()


def set_mode_cpu() -> None:
    """Nets that are built from now on compute on the CPU."""
    common.gpu = False
    common.engine = make_engine()


def set_mode_gpu() -> None:
    """Nets that are built from now on compute on the GPU; without one they compute on the CPU, and
    a warning says so.

    Raises EngineError where set_device asked for a GPU that does not exist, or for another than the
    process computes on already.
    """
    if common.gpu:
        return
    try:
        gpu_count()
    except GoodinitError as error:
        warnings.warn(f'set_mode_gpu: no usable GPU; using the CPU ({error})', stacklevel=2)
        return
    use_gpu(common.device)
    common.gpu = True
    common.engine = make_engine('cuda')


def set_device(device: int) -> None:
    """Choose the GPU by its number among those that CUDA_VISIBLE_DEVICES admits; the mode says
    whether it is used. Raises EngineError where the process computes on another one already."""
    if common.gpu:
        use_gpu(device)
    common.device = device


def set_random_seed(seed: int) -> None:
    """Fillers, dropout and data of nets that are built from now on draw from this seed. Raises
    ValueError for one below 0."""
    if seed < 0:
        raise ValueError(f'set_random_seed: found {seed}, needed: a seed of 0 or more')
    common.rng = make_rng(seed)


def init_log(level: int | None = None, stderr: bool = True) -> None:
    """Silence the levels below one (0 INFO, 1 WARNING, 2 ERROR, 3 FATAL). The log always goes to
    stderr."""
    if level is not None:
        os.environ[glog.SILENCE] = str(level)


def log(text: str) -> None:
    """Write a line to the log."""
    glog.log('_caffe.cpp:0', text)


def layer_type_list() -> list[str]:
    """The layer types that a prototxt can name."""
    return sorted(LAYERS)


def solver_count() -> int:
    return common.solver_count


def set_solver_count(count: int) -> None:
    common.solver_count = count


def solver_rank() -> int:
    return common.solver_rank


def set_solver_rank(rank: int) -> None:
    common.solver_rank = rank


def set_multiprocess(multiprocess: bool) -> None:
    """Say whether the solvers are processes. Without NCCL nothing depends on it, nor on their
    number."""
    common.multiprocess = multiprocess


def has_nccl() -> bool:
    """False: NCCL, for training on several GPUs, is not supported."""
    return False


class NCCL:
    """pycaffe's way to train on several GPUs: an EngineError that says it is not supported."""

    missing = 'NCCL is not supported: training uses one GPU; step the solver without it'

    def __init__(self, *args: object):
        raise EngineError(self.missing)

    @classmethod
    def new_uid(cls) -> bytes:
        raise EngineError(cls.missing)


class Timer:
    """A stopwatch: `ms` are the milliseconds from start() to stop()."""

    ms = 0.0

    def start(self) -> None:
        self._begin = time.perf_counter()

    def stop(self) -> None:
        self.ms = 1000 * (time.perf_counter() - self._begin)
