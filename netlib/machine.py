"""How much memory there is: that of the machine, or less where a control group or a limit of the
process says so; taking it, and giving it back."""

import ctypes
import functools
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from .errors import EngineError
from .shapes import Shape

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

Made = Callable[[Shape, DTypeLike], np.ndarray]

UNKNOWN = sys.maxsize
NEARLY = 0.8  # of the most memory that the process has held
# Control groups of version 2 and 1.
GROUP_LIMITS = ('/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes')


@functools.cache
def most_memory() -> int:
    """Bytes that this process may ever have."""
    return min(_physical(), *map(_group_limit, GROUP_LIMITS), _address_space())


def free_memory() -> int:
    """Bytes that this process may have in addition to those it has, about; all of them where the
    system does not say."""
    return min(most_memory(), _available())


def host_zeros(shape: Shape, dtype: DTypeLike) -> np.ndarray:
    """Zeros on the host. Raises EngineError as `host_room` does."""
    return host_room(shape, dtype, np.zeros)


def host_room(shape: Shape, dtype: DTypeLike, made: Made = np.empty) -> np.ndarray:
    """A new array on the host; its values are undefined. Raises EngineError for more than the
    machine has: a system may promise such memory, and kill the process that uses it."""
    needed = prod(shape) * np.dtype(dtype).itemsize
    message = f'{needed / 1e9:.3g} GB of memory for {prod(shape)} numbers'
    if needed > most_memory():
        raise EngineError(f'{message} are more than the {most_memory() / 1e9:.3g} GB there are')
    try:
        return made(shape, dtype)
    except MemoryError as error:
        raise EngineError(f'{message} are not free') from error


def give_back() -> None:
    """Return freed memory to the system, as far as the C library keeps it for later, where the
    process holds nearly as much as ever: else its next use hardly adds to the peak, and new memory
    takes longer."""
    with suppress(AttributeError, OSError):  # others than GNU's
        if _held('VmRSS') > NEARLY * _held('VmHWM'):
            ctypes.CDLL(None).malloc_trim(0)


def _held(field: str) -> float:
    """Kilobytes of memory that this process holds, or has held at most, as Linux says; 1 where the
    system does not say."""
    with suppress(OSError):
        found = re.search(rf'{field}:\s+(\d+) kB', Path('/proc/self/status').read_text())
        if found:
            return float(found[1])
    return 1


def _physical() -> int:
    with suppress(AttributeError, ValueError, OSError):
        return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    return UNKNOWN


def _group_limit(path: str) -> int:
    with suppress(OSError, ValueError):
        return int(Path(path).read_text())  # 'max' is no number
    return UNKNOWN


def _address_space() -> int:
    if resource is None:
        return UNKNOWN
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return UNKNOWN if soft == resource.RLIM_INFINITY else soft


def _available() -> int:
    """What Linux says is available without swapping."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path('/proc/meminfo').read_text().splitlines():
            if line.startswith('MemAvailable:'):
                return int(line.split()[1]) << 10
    return UNKNOWN
