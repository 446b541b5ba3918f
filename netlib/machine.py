"""How much memory there is: that of the machine, or less where a control group or a limit of the
process says so."""

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


def give_back() -> None:
    """Return freed memory to the system, as far as the C library keeps it for later."""
    with suppress(AttributeError, OSError):  # others than GNU's
        ctypes.CDLL(None).malloc_trim(0)


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
