"""Blob: a named array and its gradient, passed between layers; Param: a blob that is learned."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..proto.caffe_pb2 import FillerParameter, ParamSpec
from .errors import NetError
from .memory import Memory, Places, Tensor
from .shapes import Shape


class Blob:
    """What Caffe calls a blob: values and their gradient ("diff"), with the same shape.

    Each half can be accessed in two ways:

    | | for engines (a Tensor, no copy, any device) | for people (a NumPy view on the host) |
    |---|---|---|
    | the values | `values` | `data` |
    | the gradient of the loss | `diffs` | `diff` |

    Memory is allocated at first use, so a net that never runs backward holds no diffs.

    reshaped: how often any blob has got another shape.
    """

    reshaped = 0

    def __init__(self, name: str = '', shape: Shape = (), dtype: DTypeLike = np.float32):
        self.name, self.dtype = name, np.dtype(dtype)
        self._values, self._diffs = Memory(0, dtype), Memory(0, dtype)
        self.shape: Shape = (0,)
        self.count = 0
        self.reshape(*shape)

    def __repr__(self) -> str:
        return f"Blob('{self.name}', {self.shape})"

    def reshape(self, *shape: int) -> None:
        """Set a new shape. As in Caffe, values survive if the old memory is large enough. Memory
        that holds nothing becomes as small as the shape."""
        if shape == self.shape:
            return
        if len(shape) > 32 or any(n < 0 for n in shape):
            raise NetError(
                f"blob '{self.name}': a shape has 0 to 32 extents, none negative; found {shape}"
            )
        self.shape = tuple(int(n) for n in shape)
        self.count = prod(self.shape)
        Blob.reshaped += 1
        room = min(self._values.size, self._diffs.size)
        if self.count > room or (self.count < room and self._is_empty()):
            self._values = Memory(self.count, self.dtype)
            self._diffs = Memory(self.count, self.dtype)
            Places.change()

    def _is_empty(self) -> bool:
        """Whether neither half holds memory, or has a place in a larger one."""
        halves = (self._values, self._diffs)
        return not any(half.held or half.whole for half in halves)

    def share(self, other: Blob, diffs: bool = True) -> None:
        """Use the memory of `other`, which must hold at least as many elements. The shapes may
        differ."""
        self.use(other._values, other._diffs if diffs else None)

    def use(self, values: Memory | None = None, diffs: Memory | None = None) -> None:
        """Keep the values, or the diffs, in this memory. It must be large enough."""
        before = (self._values, self._diffs)
        self._values = values or self._values
        self._diffs = diffs or self._diffs
        if before != (self._values, self._diffs):
            Places.change()

    def free(self) -> None:
        """Release the memory; the blob reads as zeros until it is written again."""
        self._values.free()
        self._diffs.free()

    @property
    def values(self) -> Tensor:
        return Tensor(self.shape, self._values)

    @property
    def diffs(self) -> Tensor:
        return Tensor(self.shape, self._diffs)

    @property
    def data(self) -> np.ndarray:
        return self.values.array(write=True)

    @data.setter
    def data(self, array: ArrayLike) -> None:
        self.values.set(array)

    @property
    def diff(self) -> np.ndarray:
        return self.diffs.array(write=True)

    @diff.setter
    def diff(self, array: ArrayLike) -> None:
        self.diffs.set(array)

    @property
    def axes(self) -> int:
        return len(self.shape)

    @property
    def shape_text(self) -> str:
        """The shape as Caffe logs it: '2 4 6 6 (288)'."""
        return ' '.join(map(str, self.shape)) + f' ({self.count})'


class Param(Blob):
    """A blob that a layer learns, with its filler, its rate and decay multipliers, and its owner.

    `owner` is the Param whose memory this one shares (itself if it shares nothing). `learns`
    says whether backward must compute its diff.
    """

    def __init__(
        self,
        name: str,
        shape: Shape,
        filler: FillerParameter | None = None,
        dtype: DTypeLike = np.float32,
    ):
        super().__init__(name, shape, dtype)
        self.filler = filler
        self.lr_mult = self.decay_mult = 1.0
        self.owner: Param = self
        self.spec = ParamSpec()  # the owner's fields in the prototxt, which others may share
        self.learns = True
        self.is_statistic = False  # a mean or variance that the layer tracks, not learned
        self.is_preset = False  # the layer gives it a value, so a weights file may lack it
