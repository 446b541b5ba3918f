"""The GPU that computes: one for all nets of the process, chosen by its number."""

import platform

from ...netlib.engines.cuda import device
from ...netlib.errors import EngineError
from ...netlib.ranks import launched
from .console import say
from .prepare import CPU_ENGINE

GPU_ENGINE = 'cuda'


def use_gpu(number: int) -> str:
    """The engine that computes on the GPU of this number. Raises EngineError as device.use_gpu
    does."""
    device.use_gpu(number)
    return GPU_ENGINE


def use_all_gpus(together: bool = False) -> str:
    """The engine on the GPU that is this process's: the processes that mpiexec starts on a machine
    take its GPUs in turn. A process alone takes the first, and says so where there are others; with
    `together`, for work that several processes can share, EngineError says how to start them.
    """
    ranks, count = launched(), device.gpu_count()
    machines = ranks.gather([platform.node()])
    if ranks.size == 1 and count > 1:
        found = f'--gpu all: found {count} GPUs and one process, which computes on one'
        if together:
            raise EngineError(
                f'{found}: mpiexec -n {count} before the command starts a process for each'
            )
        say(f'note: {found}: the first')
    return use_gpu(machines[: ranks.rank].count(platform.node()) % count)


def gpu_if_any(number: int) -> str:
    """The engine of use_gpu, or where there is no GPU the CPU's, and a line that says so."""
    try:
        return use_gpu(number)
    except EngineError as error:
        say(f'no GPU can be used, the CPU computes ({error})')
        return CPU_ENGINE
