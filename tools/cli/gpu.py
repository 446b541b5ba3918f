"""The engine that computes: the CPU's, or that of the one GPU of the process, chosen by its number.

The modules of the GPU are imported when they are used: a run on the CPU does without them.
"""

import argparse
import platform
from types import ModuleType

from ...netlib.errors import EngineError
from ...netlib.ranks import launched
from .console import UsageError, say

CPU_ENGINE, GPU_ENGINE, TF32_ENGINE = 'fast', 'cuda', 'cuda-tf32'
TF32 = (
    'with --gpu: round the factors of products and convolutions to 10 bits after the point, for '
    'tensor cores, which are several times as fast'
)


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


def engine_for(args: argparse.Namespace, engine: str = '') -> str:
    """The engine that a command line asks for: `engine`, or that of --engine and --gpu, with TF32
    if --tf32 is given. Raises UsageError for one that has none."""
    engine = engine or args.engine
    if not args.tf32:
        return engine
    prefix, colon, name = engine.rpartition(':')
    if name not in (GPU_ENGINE, TF32_ENGINE):
        raise UsageError(
            f"--tf32: found the engine '{engine}', needed: a GPU, which --gpu N chooses"
        )
    return f'{prefix}{colon}{TF32_ENGINE}'


def on_gpu(engine: str) -> bool:
    """Whether the engine of this name computes on a GPU."""
    return engine.rpartition(':')[2] in (GPU_ENGINE, TF32_ENGINE)
