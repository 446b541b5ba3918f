"""Memory of the device, taken from the driver once and used again and again."""

import gc
from collections import defaultdict
from typing import Any

from ...errors import EngineError


class Pool:
    """Gives out memory and keeps what comes back, by size: the driver, to give or to take, waits
    for all work.

    What comes back may be in use by work that is still queued: its next user must queue behind
    that, in the same stream.

    `used` and `peak` count the bytes given out, now and at most so far; `kept` those that wait for
    a next user.
    """

    def __init__(self, cuda: Any):
        self.cuda = cuda
        self.used = self.peak = self.kept = 0
        self._free: defaultdict[int, list[Any]] = defaultdict(list)

    def allocate(self, size: int) -> 'Allocation':
        """`size` bytes, of any values, given back when the last reference goes. Raises
        EngineError."""
        free = self._free[size]
        if free:
            self.kept -= size
        block = free.pop() if free else self._take(size)
        self.used += size
        self.peak = max(self.peak, self.used)
        return Allocation(self, block, size)

    def take_back(self, block, size: int) -> None:
        self._free[size].append(block)
        self.used -= size
        self.kept += size

    def release(self) -> None:
        """Give the driver what no one uses."""
        self._free.clear()
        self.kept = 0

    def _take(self, size):
        try:
            return self.cuda.mem_alloc(max(size, 1))
        except self.cuda.MemoryError:
            gc.collect()  # nets that are gone may hold memory until then
            self.release()
        try:
            return self.cuda.mem_alloc(max(size, 1))
        except self.cuda.MemoryError as error:
            free, total = self.cuda.mem_get_info()
            raise EngineError(
                f'the GPU has no room for {size / 1e6:.0f} MB more: {free / 1e6:.0f} of '
                f'{total / 1e6:.0f} MB are free. Use a smaller batch'
            ) from error


class Allocation:
    """A piece of a Pool; as an int, its address."""

    __slots__ = ('block', 'pool', 'size')

    def __init__(self, pool: Pool, block, size: int):
        self.pool, self.block, self.size = pool, block, size

    def __int__(self):
        return int(self.block)

    def __del__(self):
        self.pool.take_back(self.block, self.size)
