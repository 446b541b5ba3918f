"""Where numbers live: Memory, with a host and a device mirror; Arena, several memories side by
side; and Tensor, the shaped window that engines compute on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .machine import host_room, host_zeros
from .shapes import Shape


class Places:
    """Where numbers are. `version` counts the changes: an array that was taken from a Tensor before
    one may no longer be where the tensor's numbers are."""

    version = 0

    @classmethod
    def change(cls) -> None:
        cls.version += 1


class Memory:
    """A flat array with a host and a device mirror (Caffe's SyncedMemory). Each mirror is allocated
    at its first use.

    `head` says which mirror is current: None (neither: the memory reads as zeros), 'host',
    'device' or 'both'. Reading a mirror makes it current; requesting it for writing makes it the
    only current one. So layers contain no transfers, and a net on a device can include a layer that
    works on the host.
    """

    def __init__(self, size: int, dtype: DTypeLike = np.float32):
        self.size, self.dtype = size, np.dtype(dtype)
        self.head: str | None = None
        self._host: np.ndarray | None = None
        self._device: Any = None
        self._driver: Any = None
        # This memory's place in a larger one begins at element `start`.
        self.whole: Arena | None = None
        self.start = 0

    @classmethod
    def on(cls, array: np.ndarray) -> Memory:
        """One whose host mirror is this contiguous array."""
        memory = cls(array.size, array.dtype)
        memory._host, memory.head = array.reshape(-1), 'host'
        return memory

    def become(self, array: np.ndarray) -> bool:
        """Make this array the host mirror, if it can be and there is no mirror yet; returns whether
        it is."""
        fits = array.size == self.size and array.dtype == self.dtype and array.flags.c_contiguous
        if not fits or self.whole or self.held:
            return False
        self._host, self.head = array.reshape(-1), 'host'
        return True

    def host(self, write: bool = False, fetch: bool = True) -> np.ndarray:
        """The values as a flat NumPy array on the host. Without `fetch` they are undefined, for a
        caller that overwrites them all."""
        if self._host is None:
            self._host = self._new_host(zeros=fetch)
        if self.head == 'device' and fetch:
            self._driver.download(self._device, self._host)
        self._move('host', write)
        return self._host

    def device(self, driver: Any, write: bool = False) -> Any:
        """The values as an allocation on the device of `driver` (allocate, clear, upload,
        download)."""
        if self._device is None:
            self._driver, self._device = driver, self._new_device(driver)
        if self.head is None:
            driver.clear(self._device, self.nbytes)
        elif self.head == 'host':
            driver.upload(self._host, self._device)
        self._move('device', write)
        return self._device

    def free(self) -> None:
        """Release both mirrors; the memory then reads as zeros."""
        Places.change()
        self._host = self._device = self.head = None

    def move(self, whole: Arena, start: int) -> None:
        """Move into a larger memory, keeping the values."""
        kept = self.host() if self.head else None
        self.free()
        self.whole, self.start = whole, start
        if kept is not None:
            self.host(write=True)[:] = kept

    def _new_host(self, zeros: bool = True):
        if self.whole is None:
            return (host_zeros if zeros else host_room)((self.size,), self.dtype)
        return self.whole.host_part(self, zeros)

    def _new_device(self, driver):
        if self.whole is None:
            return driver.allocate(self.nbytes)
        return self.whole.device_room(self, driver)

    def _move(self, where: str, write: bool) -> None:
        if write or self.head is None:
            self.head = where
        elif self.head != where:
            self.head = 'both'

    @property
    def held(self) -> int:
        """Bytes that the mirrors take up."""
        mirrors = (self._host is not None) + (self._device is not None)
        return mirrors * self.nbytes

    @property
    def nbytes(self) -> int:
        """Bytes of one mirror."""
        return self.size * self.dtype.itemsize


class Arena(Memory):
    """Memories side by side that can be treated as one, so that one op can work on all of them.

    Each keeps its own head. Each begins at a multiple of ALIGNMENT elements, with zeros between
    them. Space is allocated when one of them is first used. `starts` says where they begin if not
    one after another; they may overlap if only one at a time is in use.
    """

    ALIGNMENT = 64

    def __init__(
        self,
        parts: Iterable[Memory],
        dtype: DTypeLike = np.float32,
        starts: Sequence[int] | None = None,
    ):
        self.parts = list(dict.fromkeys(parts))
        sizes = [self.aligned(part.size) for part in self.parts]
        if starts is None:
            starts = [0, *accumulate(sizes)][:-1]
        ends = [start + size for start, size in zip(starts, sizes, strict=True)]
        super().__init__(max(ends, default=0), dtype)
        for part, start in zip(self.parts, starts, strict=True):
            part.move(self, start)

    @classmethod
    def aligned(cls, place: int) -> int:
        """The next place at which a part may begin."""
        return -(-place // cls.ALIGNMENT) * cls.ALIGNMENT

    def host(self, write: bool = False, fetch: bool = True) -> np.ndarray:
        for part in self.parts:
            part.host(write, fetch)
        return self._host_room()

    def device(self, driver: Any, write: bool = False) -> Any:
        for part in self.parts:
            part.device(driver, write)
        return self._device_room(driver)

    def free(self) -> None:
        for part in self.parts:
            part.free()
        super().free()

    def host_part(self, part: Memory, zeros: bool) -> np.ndarray:
        """The place on the host of one of the parts, cleared if `zeros`."""
        place = self._host_room()[part.start : part.start + part.size]
        if zeros:
            place[:] = 0
        return place

    def device_room(self, part: Memory, driver: Any) -> int:
        """The device address of one of the parts."""
        return int(self._device_room(driver)) + part.start * self.dtype.itemsize

    def _host_room(self):
        if self._host is None:
            self._host = self._new_host()
        return self._host

    def _device_room(self, driver):
        if self._device is None:
            self._device = self._new_device(driver)
            driver.clear(self._device, self.nbytes)
        return self._device


class Tensor:
    """A contiguous window of a given shape on a Memory, starting `offset` elements into it.

    A tensor has no arithmetic of its own: a layer passes it to the ops of an engine.
    """

    __slots__ = ('_host', '_view', 'memory', 'offset', 'shape', 'size')

    def __init__(self, shape: Shape, memory: Memory, offset: int = 0):
        self.shape, self.memory, self.offset = tuple(shape), memory, offset
        self.size = prod(self.shape)
        self._host: np.ndarray | None = None  # the array that `_view` is a view of

    def __repr__(self) -> str:
        return f'Tensor{self.shape}'

    def reshape(self, *shape: int) -> Tensor:
        """The same elements in another shape; one extent may be -1."""
        if -1 in shape:
            rest = -prod(shape)
            found = self.size // rest if rest else 0
            shape = tuple(found if n == -1 else max(n, 0) for n in shape)
        if prod(shape) != self.size:
            raise ValueError(f'cannot view {self.shape} as {shape}')
        return Tensor(shape, self.memory, self.offset)

    def __getitem__(self, i: int) -> Tensor:
        """The i-th part along the first axis."""
        rest = self.shape[1:]
        return Tensor(rest, self.memory, self.offset + range(self.shape[0])[i] * prod(rest))

    def __iter__(self) -> Iterator[Tensor]:
        """The parts along the first axis."""
        for i in range(self.shape[0]):
            yield self[i]

    def array(self, write: bool = False, fetch: bool = True) -> np.ndarray:
        """The values as a NumPy view on the host; pass `write` to change them through it. Without
        `fetch` they are undefined, for a caller that overwrites them all."""
        host = self.memory.host(write, fetch or self.size < self.memory.size)
        if self._host is not host:
            self._host = host
            self._view = host[self.offset : self.offset + self.size].reshape(self.shape)
        return self._view

    def set(self, array: ArrayLike) -> None:
        """Set these values, broadcast to the shape, without waiting for a device."""
        host = self.memory.host(write=True, fetch=self.size < self.memory.size)
        host[self.offset : self.offset + self.size].reshape(self.shape)[...] = array

    def take(self, array: np.ndarray) -> None:
        """`set` to an array that nobody else will use: not copied if nothing was here before."""
        if array.shape != self.shape or not self.memory.become(array):
            self.set(array)

    def item(self) -> float:
        """The value of a tensor of one element."""
        if self.memory.head is None:  # it reads as zeros, and needs no memory for that
            return 0.0
        return float(self.array().reshape(-1)[0])

    __float__ = item

    def joined(self, other: Tensor) -> Tensor | None:
        """This and `other` as one flat tensor, if `other` comes next in the same Arena."""
        whole, start = self._place()
        same, following = other._place()
        if whole is None or whole is not same:
            return None
        if Arena.aligned(start + self.size) != following:
            return None
        return Tensor((following + other.size - start,), whole, start)

    def _place(self) -> tuple[Arena | None, int]:
        """The Arena that contains the tensor, and the tensor's first element in it."""
        memory = self.memory
        if isinstance(memory, Arena):
            return memory, self.offset
        return memory.whole, memory.start + self.offset


def join(rows: Iterable[Sequence[Tensor]]) -> list[list[Tensor]]:
    """Rows of tensors. A row is joined with the previous row if each of its tensors follows the one
    above it in memory."""
    found: list[list[Tensor]] = []
    for row in rows:
        longer = joined_rows(found[-1], row) if found else None
        if longer:
            found[-1] = longer
        else:
            found.append(list(row))
    return found


def joined_rows(above: Sequence[Tensor], below: Sequence[Tensor]) -> list[Tensor] | None:
    """Each tensor of one row joined with that of the next; None if one does not follow."""
    out = []
    for first, second in zip(above, below, strict=True):
        both = first.joined(second)
        if both is None:
            return None
        out.append(both)
    return out
