"""Where numbers live: Memory with a host and a device mirror, and Tensor, the shaped window that engines compute on."""
from math import prod
from typing import Any

import numpy as np

from .shapes import Shape


class Memory:
    """A flat array with a host and a device mirror, each made at its first use (Caffe's SyncedMemory).

    `head` tells which mirror is current: None (neither: the memory reads as zeros), 'host', 'device' or
    'both'. Reading a mirror makes it current; asking for it to write makes it the only current one. So layers
    contain no transfers, and a layer that works on the host can stand in a net that runs on a device.
    """

    def __init__(self, size: int, dtype=np.float32):
        self.size, self.dtype = size, np.dtype(dtype)
        self.head: str | None = None
        self._host: np.ndarray | None = None
        self._device: Any = None
        self._driver: Any = None

    def host(self, write: bool = False) -> np.ndarray:
        """The values as a flat NumPy array on the host."""
        if self._host is None:
            self._host = np.zeros(self.size, self.dtype)
        if self.head == 'device':
            self._driver.download(self._device, self._host)
        self._move('host', write)
        return self._host

    def device(self, driver, write: bool = False):
        """The values as an allocation on the device of `driver` (allocate, clear, upload, download)."""
        if self._device is None:
            self._driver, self._device = driver, driver.allocate(self.size * self.dtype.itemsize)
        if self.head is None:
            driver.clear(self._device, self.size * self.dtype.itemsize)
        elif self.head == 'host':
            driver.upload(self._host, self._device)
        self._move('device', write)
        return self._device

    def free(self) -> None:
        """Give both mirrors back; the memory reads as zeros from now on."""
        self._host = self._device = self.head = None

    def _move(self, where: str, write: bool) -> None:
        if write or self.head is None:
            self.head = where
        elif self.head != where:
            self.head = 'both'

    @property
    def held(self) -> int:
        """Bytes that the mirrors take up."""
        return self.size * self.dtype.itemsize * ((self._host is not None) + (self._device is not None))


class Tensor:
    """A contiguous window of some shape on a Memory, starting `offset` elements into it.

    A tensor has no arithmetic of its own: a layer hands it to the ops of an engine.
    """

    __slots__ = ('memory', 'offset', 'shape', 'size')

    def __init__(self, shape: Shape, memory: Memory, offset: int = 0):
        self.shape, self.memory, self.offset = tuple(shape), memory, offset
        self.size = prod(self.shape)

    def __repr__(self):
        return f'Tensor{self.shape}'

    def reshape(self, *shape: int) -> 'Tensor':
        """The same elements under another shape; one extent may be -1."""
        if -1 in shape:
            rest = -prod(shape)
            shape = tuple(self.size // rest if rest and n == -1 else max(n, 0) for n in shape)
        if prod(shape) != self.size:
            raise ValueError(f'cannot see {self.shape} as {shape}')
        return Tensor(shape, self.memory, self.offset)

    def __getitem__(self, i: int) -> 'Tensor':
        """The i-th part along the first axis."""
        rest = self.shape[1:]
        return Tensor(rest, self.memory, self.offset + range(self.shape[0])[i] * prod(rest))

    def array(self, write: bool = False) -> np.ndarray:
        """The values as a NumPy view on the host; say `write` to change them through it."""
        return self.memory.host(write)[self.offset:self.offset + self.size].reshape(self.shape)

    def item(self) -> float:
        """The value of a tensor of one element."""
        return float(self.array().reshape(-1)[0])
