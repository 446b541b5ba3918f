"""Memory of the device, allocated by the driver once and reused."""

import gc
from collections import defaultdict
from typing import Any

from ...errors import EngineError


class Pool:
    """Allocates memory, and keeps freed memory by size, since the driver waits for all work when it
    allocates or frees.

    Queued work may still use freed memory, so its next user must queue behind that work, in the
    same stream.

    `used` counts the bytes allocated now, `peak` the most so far, `kept` those freed but kept.
    """

    def __init__(self, cuda: Any):
        self.cuda = cuda
        self.used = 0
        self.peak = 0
        self.kept = 0
        self._free: defaultdict[int, list[Any]] = defaultdict(list)

    def allocate(self, size: int) -> 'Allocation':
        """`size` bytes of undefined values, freed with the last reference. Raises EngineError if
        the GPU is out of memory."""
        free = self._free[size]
        if free:
            block = free.pop()
            self.kept -= size
        else:
            block = self._take(size)
        self.used += size
        self.peak = max(self.peak, self.used)
        return Allocation(self, block, size)

    def take_back(self, block: Any, size: int) -> None:
        """Keep a block for its next user."""
        self._free[size].append(block)
        self.used -= size
        self.kept += size

    def release(self) -> None:
        """Return the kept memory to the driver."""
        self._free.clear()
        self.kept = 0

    def _take(self, size: int) -> Any:
        try:
            return self.cuda.mem_alloc(max(size, 1))
        except self.cuda.MemoryError:
            gc.collect()  # unreferenced nets may hold memory until then
            self.release()
        try:
            return self.cuda.mem_alloc(max(size, 1))
        except self.cuda.MemoryError as error:
            free, total = self.cuda.mem_get_info()
            raise EngineError(
                f'the GPU cannot allocate another {size / 1e6:.0f} MB: {free / 1e6:.0f} of '
                f'{total / 1e6:.0f} MB are free. Use a smaller batch'
            ) from error


class Allocation:
    """A piece of a Pool; as an int, its address."""

    __slots__ = ('block', 'pool', 'size')

    def __init__(self, pool: Pool, block: Any, size: int):
        self.pool, self.block, self.size = pool, block, size

    def __int__(self) -> int:
        return int(self.block)

    def __del__(self) -> None:
        self.pool.take_back(self.block, self.size)
