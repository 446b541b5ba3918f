"""Copies from the host to the device that run while the device computes."""

from collections import OrderedDict, defaultdict
from typing import Any

import numpy as np

from .pool import Pool

SLOTS = 2  # of a size: one fills while the other's copy is in use
ROOM = 2**29  # bytes that slots may take, on each side


class Slot:
    """Room on the way of one upload: page-locked on the host, then on the device.

    A copy out of page-locked memory needs no help of the host. It runs in a stream of its own; the
    stream that computes waits for its end, and moves what has arrived to its place once it has done
    what was queued before.
    """

    def __init__(self, cuda: Any, pool: Pool, size: int, copies, compute):
        self.cuda, self.size, self.copies, self.compute = cuda, size, copies, compute
        self.host = cuda.pagelocked_empty(size, np.uint8)
        self.device = pool.allocate(size)
        self.arrived, self.moved = (cuda.Event(cuda.event_flags.DISABLE_TIMING) for _ in range(2))
        self.moved.record(compute)  # queued work may use what the pool has given

    def upload(self, host, address):
        """Queue the copy. Waits for the slot's last one: the host is never more than SLOTS uploads
        of a size ahead."""
        if not self.moved.query():
            self.moved.synchronize()
        self.host[:] = host.view(np.uint8)
        self.cuda.memcpy_htod_async(int(self.device), self.host, self.copies)
        self.arrived.record(self.copies)
        self.compute.wait_for_event(self.arrived)
        self.cuda.memcpy_dtod_async(address, int(self.device), self.size, self.compute)
        self.moved.record(self.compute)


class Uploads:
    """Uploads of sizes that come again, as batches do, take turns in SLOTS slots; the first of a
    size just waits, as do those too large for ROOM. Slots that were not used for the longest time
    make way for others."""

    def __init__(self, cuda: Any, pool: Pool, compute):
        self.cuda, self.pool, self.compute, self.copies = cuda, pool, compute, cuda.Stream()
        self._seen: defaultdict[int, int] = defaultdict(int)
        self._slots: OrderedDict[tuple[int, int], Slot] = OrderedDict()

    def __call__(self, host: np.ndarray, address: int) -> None:
        """Copy a flat contiguous array to an address on the device. The array may change at
        once."""
        size = host.nbytes
        self._seen[size] += 1
        if self._seen[size] == 1 or SLOTS * size > ROOM:
            self.compute.synchronize()
            self.cuda.memcpy_htod(address, host)
        else:
            self._slot(size, self._seen[size] % SLOTS).upload(host, address)

    def _slot(self, size, turn):
        slot = self._slots.pop((size, turn), None)
        while (
            slot is None
            and self._slots
            and size + sum(kept.size for kept in self._slots.values()) > ROOM
        ):
            self._slots.popitem(last=False)[1].moved.synchronize()
        self._slots[size, turn] = slot or Slot(
            self.cuda, self.pool, size, self.copies, self.compute
        )
        return self._slots[size, turn]
