"""Copies from the host to the device that run while the device computes."""

from collections import OrderedDict, defaultdict
from typing import Any

import numpy as np

from ...errors import EngineError
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


class Lent:
    """The page-locked memory of a slot, as what an array is made of: the slot is kept for its next
    user once the array and all its views are gone, one of which a thread may still be filling."""

    def __init__(self, slot: Slot, kept: list[Slot]):
        self.slot, self.kept = slot, kept
        self.__array_interface__ = slot.host.__array_interface__

    def __del__(self) -> None:
        self.kept.append(self.slot)  # the driver frees nothing here, as this may be any thread


class Staging:
    """Page-locked arrays for the next values of a tensor, which any thread may fill; they are sent
    in turn, by the thread that computes. The other threads make no calls of CUDA."""

    def __init__(self, slots: list[Slot], tensor: Tensor, device: Any, kept: list[Slot]):
        self.slots, self.device = slots, device
        lent = [np.asarray(Lent(slot, kept)) for slot in slots]
        self.arrays = [array.view(tensor.memory.dtype).reshape(tensor.shape) for array in lent]

    def wait(self, turn: int) -> None:
        """Wait until the array of this turn may be filled again."""
        arrived = self.slots[turn % TURNS].arrived
        if not arrived.query():
            arrived.synchronize()

    def send(self, turn: int, tensor: Tensor) -> None:
        """Queue the copy of an array to a tensor of its shape."""
        start = int(tensor.memory.device(self.device, write=True))
        self.device.run_graphs()
        self.slots[turn % TURNS].send(start + ITEM * tensor.offset)


class Uploads:
    """Uploads. Those of a repeated size, such as batches, take turns in SLOTS slots.

    The first upload of a size waits for the device, as does one too large for ROOM, and each of a
    size for which there is no memory, on the host or on the device. New slots replace those unused
    for the longest time.
    """

    def __init__(self, cuda: Any, pool: Pool, compute: Any):
        self.cuda = cuda
        self.pool = pool
        self.compute = compute
        self.copies = cuda.Stream()
        self._seen: defaultdict[int, int] = defaultdict(int)
        self._slots: OrderedDict[tuple[int, int], Slot] = OrderedDict()
        self._refused: set[int] = set()  # sizes
        self._kept: defaultdict[int, list[Slot]] = defaultdict(list)  # that are not lent
        self._staged = 0  # bytes, in use or kept

    def staging(self, tensor: Tensor, device: Any) -> Staging | None:
        """Arrays for a tensor; None if all of them together would take more than ROOM, or there is
        no memory for them."""
        size = ITEM * tensor.size
        kept = self._kept[size]
        if not size or not self._has_room(size, TURNS - len(kept)):
            return None
        try:
            while len(kept) < TURNS:
                kept.append(Slot(self.cuda, self.pool, size, self.copies, self.compute))
                self._staged += size
        except (self.cuda.Error, EngineError):  # page-locked memory, memory of the device
            return None
        return Staging([kept.pop() for _ in range(TURNS)], tensor, device, kept)

    def _has_room(self, size: int, slots: int) -> bool:
        """Whether so many more slots may be staged, once those that nobody uses are let go."""
        if self._staged + size * slots > ROOM:
            for other, kept in self._kept.items():
                while other != size and kept:
                    kept.pop()
                    self._staged -= other
        return self._staged + size * slots <= ROOM

    def __call__(self, host: np.ndarray, address: int) -> None:
        """Copy a flat contiguous array to an address on the device. The array may change as soon
        as this returns."""
        size = host.nbytes
        self._seen[size] += 1
        slot = None
        if self._seen[size] > 1 and SLOTS * size <= ROOM:
            slot = self._slot(size, self._seen[size] % SLOTS)
        if slot is not None:
            slot.upload(host, address)
        else:
            self.compute.synchronize()
            self.cuda.memcpy_htod(address, host)

    def _slot(self, size: int, turn: int) -> Slot | None:
        """The slot of a size whose turn it is; None where there is no memory for it."""
        if size in self._refused:
            return None
        slot = self._slots.pop((size, turn), None)
        if slot is None:
            self._make_room(size)
            try:
                slot = Slot(self.cuda, self.pool, size, self.copies, self.compute)
            except (self.cuda.Error, EngineError):  # page-locked memory, memory of the device
                self._refused.add(size)
                return None
        self._slots[size, turn] = slot  # now the most recently used
        return slot

    def _make_room(self, size: int) -> None:
        used = sum(slot.size for slot in self._slots.values())
        while self._slots and used + size > ROOM:
            _, oldest = self._slots.popitem(last=False)
            oldest.moved.synchronize()
            used -= oldest.size
