"""The engine that computes: the CPU's, or that of the one GPU of the process, chosen by its number.

The modules of the GPU are imported when they are used: a run on the CPU does without them.
"""

import platform
from types import ModuleType

from ...netlib.errors import EngineError
from ...netlib.ranks import launched
from .console import say

CPU_ENGINE, GPU_ENGINE = 'fast', 'cuda'


def device() -> ModuleType:
    """The module that opens GPUs."""
    from ...netlib.engines.cuda import device

    return device


def use_gpu(number: int) -> str:
    """The engine that computes on the GPU of this number. Raises EngineError as device.use_gpu
    does."""
    device().use_gpu(number)
    return GPU_ENGINE


def use_all_gpus(together: bool = False) -> str:
    """The engine on the GPU of this process: the processes that mpiexec starts on a machine take
    its GPUs in turn.

    A process alone takes the first GPU, and says so if there are others; with `together`, for work
    that several processes can share, an EngineError says how to start them.
    """
    ranks = launched()
    count = device().gpu_count()
    machines = ranks.gather([platform.node()])
    if ranks.size == 1 and count > 1:
        found = f'--gpu all: found {count} GPUs and one process, which computes on one'
        if together:
            raise EngineError(f'{found}; mpiexec -n {count} starts a process for each')
        say(f'note: {found}: the first')
    before = machines[: ranks.rank].count(platform.node())
    return use_gpu(before % count)


def gpu_if_any(number: int) -> str:
    """The engine of use_gpu or, if no GPU can be used, the CPU's, with a line that says so."""
    try:
        return use_gpu(number)
    except EngineError as error:
        say(f'no usable GPU; using the CPU ({error})')
        return CPU_ENGINE
