"""What the host asks of the emulated device: calls by name, with bytes."""

import ctypes
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

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
