"""What is global in Caffe: who computes, the random numbers, the log, the rank among solvers; and
its stopwatch."""

from __future__ import annotations

import os
import time
import warnings
from dataclasses import dataclass, field

import numpy as np

from ..netlib.engines import Engine, make_engine
from ..netlib.engines.cuda.device import gpu_count, use_gpu
from ..netlib.errors import EngineError, GoodinitError
from ..netlib.registry import LAYERS
from ..solvers.log import glog


@dataclass
class Common:
    """The settings that nets and solvers take up when they are built."""

    engine: Engine = field(default_factory=make_engine)
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
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
    common.gpu, common.engine = False, make_engine()


def set_mode_gpu() -> None:
    """Nets that are built from now on compute on the GPU; where there is none, a warning says so
    and the CPU does.

    Raises EngineError where set_device asked for a GPU that is not there, or that is not the
    process's.
    """
    if common.gpu:
        return
    try:
        gpu_count()
    except GoodinitError as error:
        warnings.warn(f'set_mode_gpu: no GPU can be used, the CPU computes ({error})', stacklevel=2)
        return
    use_gpu(common.device)
    common.gpu, common.engine = True, make_engine('cuda')


def set_device(device: int) -> None:
    """Choose the GPU by its number, among those that CUDA_VISIBLE_DEVICES lets through; the mode
    says whether it is used. Raises EngineError where the process computes on another one already.
    """
    if common.gpu:
        use_gpu(device)
    common.device = device


def set_random_seed(seed: int) -> None:
    """Fillers, dropout and data of nets that are built from now on draw from this seed."""
    common.rng = np.random.default_rng(seed)


def init_log(level: int | None = None, stderr: bool = True) -> None:
    """Silence what is below a level (0 INFO, 1 WARNING, 2 ERROR, 3 FATAL). The log goes to stderr
    in any case."""
    if level is not None:
        os.environ[glog.SILENCE] = str(level)


def log(text: str) -> None:
    """A line of the log."""
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
    """Whether the solvers are processes; as with their number, nothing depends on it where there is
    no NCCL."""
    common.multiprocess = multiprocess


def has_nccl() -> bool:
    """False: NCCL, for several GPUs in one training, is not there."""
    return False


class NCCL:
    """pycaffe's way to train on several GPUs: an EngineError that says that there is none."""

    missing = 'NCCL is not there: this trains on one GPU; step the solver without it'

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
