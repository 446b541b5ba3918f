"""Copies from the host to the device that run while the device computes."""

from collections import OrderedDict, defaultdict
from typing import Any

import numpy as np

from ...memory import Tensor
from .array import ITEM
from .pool import Pool

SLOTS = 2  # per size: one is filled while the other's copy is in use
TURNS = 3  # of Staging: one is filled, one is full, one is being copied
ROOM = 2**29  # bytes for all slots together, on the host and again on the device


class Slot:
    """A buffer for one upload: page-locked on the host, then on the device.

    A copy from page-locked memory needs no help from the host. It runs in the stream `copies`. The
    stream `compute` waits for its end, then moves the data to their destination, after the work
    that was queued before.
    """

    def __init__(self, cuda: Any, pool: Pool, size: int, copies: Any, compute: Any):
        self.cuda = cuda
        self.size = size
        self.copies = copies
        self.compute = compute
        self.host = cuda.pagelocked_empty(size, np.uint8)
        self.device = pool.allocate(size)
        self.arrived = cuda.Event(cuda.event_flags.DISABLE_TIMING)
        self.arrived.record(copies)
        self.moved = cuda.Event(cuda.event_flags.DISABLE_TIMING)
        self.moved.record(compute)  # queued work may still use the memory that the pool gave

    def upload(self, host: np.ndarray, address: int) -> None:
        """Queue the copy. This waits for the slot's previous copy, so the host is never more than
        SLOTS uploads of a size ahead."""
        if not self.moved.query():
            self.moved.synchronize()
        self.host[:] = host.view(np.uint8)
        self.send(address)

    def send(self, address: int) -> None:
        """Queue the copy of what is in `host`, which must stay until `arrived`."""
        self.copies.wait_for_event(self.moved)
        self.cuda.memcpy_htod_async(int(self.device), self.host, self.copies)
        self.arrived.record(self.copies)
        self.compute.wait_for_event(self.arrived)
        self.cuda.memcpy_dtod_async(address, int(self.device), self.size, self.compute)
        self.moved.record(self.compute)


class Staging:
    """Page-locked arrays for the next values of a tensor, which any thread may fill; they are sent
    in turn, by the thread that computes. The other threads make no calls of CUDA."""

    def __init__(self, slots: list[Slot], tensor: Tensor, device: Any, kept: list[Slot]):
        self.slots, self.device, self.kept = slots, device, kept
        self.arrays = [slot.host.view(tensor.memory.dtype).reshape(tensor.shape) for slot in slots]

    def wait(self, turn: int) -> None:
        """Wait until the array of this turn may be filled again."""
        arrived = self.slots[turn % TURNS].arrived
        if not arrived.query():
            arrived.synchronize()

    def send(self, turn: int, tensor: Tensor) -> None:
        """Queue the copy of an array to a tensor of its shape."""
        start = int(tensor.memory.device(self.device, write=True))
        self.slots[turn % TURNS].send(start + ITEM * tensor.offset)

    def __del__(self) -> None:
        self.kept += self.slots  # the driver frees nothing here, as this may be any thread


class Uploads:
    """Uploads. Those of a repeated size, such as batches, take turns in SLOTS slots.

    The first upload of a size waits for the device, as does one too large for ROOM. New slots
    replace those unused for the longest time.
    """

    def __init__(self, cuda: Any, pool: Pool, compute: Any):
        self.cuda = cuda
        self.pool = pool
        self.compute = compute
        self.copies = cuda.Stream()
        self._seen: defaultdict[int, int] = defaultdict(int)
        self._slots: OrderedDict[tuple[int, int], Slot] = OrderedDict()
        self._kept: defaultdict[int, list[Slot]] = defaultdict(list)  # that no Staging uses

    def staging(self, tensor: Tensor, device: Any) -> Staging | None:
        """Arrays for a tensor; None if they would take more than ROOM."""
        size = ITEM * tensor.size
        if not 0 < TURNS * size <= ROOM:
            return None
        kept = self._kept[size]
        found = [kept.pop() for _ in range(min(TURNS, len(kept)))]
        while len(found) < TURNS:
            found.append(Slot(self.cuda, self.pool, size, self.copies, self.compute))
        return Staging(found, tensor, device, kept)

    def __call__(self, host: np.ndarray, address: int) -> None:
        """Copy a flat contiguous array to an address on the device. The array may change as soon
        as this returns."""
        size = host.nbytes
        self._seen[size] += 1
        if self._seen[size] == 1 or SLOTS * size > ROOM:
            self.compute.synchronize()
            self.cuda.memcpy_htod(address, host)
        else:
            self._slot(size, self._seen[size] % SLOTS).upload(host, address)

    def _slot(self, size: int, turn: int) -> Slot:
        slot = self._slots.pop((size, turn), None)
        if slot is None:
            self._make_room(size)
            slot = Slot(self.cuda, self.pool, size, self.copies, self.compute)
        self._slots[size, turn] = slot  # now the most recently used
        return slot

    def _make_room(self, size: int) -> None:
        used = sum(slot.size for slot in self._slots.values())
        while self._slots and used + size > ROOM:
            _, oldest = self._slots.popitem(last=False)
            oldest.moved.synchronize()
            used -= oldest.size
