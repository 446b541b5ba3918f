"""How much memory there is: that of the machine, or less where a control group or a limit of the
process says so; and what becomes of memory that is freed."""

import ctypes
import functools
import os
import sys
from contextlib import suppress
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

UNKNOWN = sys.maxsize
KEPT = 1 << 28  # bytes
# Of mallopt, in GNU's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
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


def keep_freed_memory() -> None:
    """Let GNU's C library keep up to KEPT bytes that the process has freed, for its next arrays.

    By default it returns every large array to the system at once, which fills the memory of the
    next one with zeros, page by page: a tenth of the time of an initialization, that makes and
    frees the values of one layer after the other. Does nothing with other libraries.
    """
    with suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_TRIM_THRESHOLD, KEPT)
        mallopt(M_MMAP_THRESHOLD, 1 << 30)


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
