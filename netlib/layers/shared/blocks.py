"""Shared by Concat, Slice and similar layers: a blob as consecutive blocks along one axis."""

from collections.abc import Iterator
from typing import Any

from ...blob import Blob
from ...memory import Tensor
from ...shapes import fold
from ..base import Flags, Layer
from ..traits import EQUAL, Channels, Scaling

Parts = Tensor | list[Tensor]


class Blocks(Layer):
    """A layer that copies between a whole blob and its blocks along `block_axis`. Both are given as
    tensors."""

    scaling = EQUAL
    block_axis = 1

    def read_axis(self, p: Any, old_name: str, blob: Blob) -> None:
        """Set `block_axis` from the fields `p`: `axis`, or its older spelling `old_name`."""
        if p.HasField(old_name) and p.HasField('axis'):
            raise self.error(f'Either axis or {old_name} should be specified; not both.')
        found = getattr(p, old_name) if p.HasField(old_name) else p.axis
        self.block_axis = self.axis(found, blob)
        channels: Channels = 'blocks' if self.block_axis == 1 else 'kept'
        self.scaling = Scaling('equal', channels=channels)

    def join(self, parts: Parts, whole: Tensor) -> None:
        """Copy the parts into the whole."""
        whole = self.seen(whole)
        for part, start in self.placed(parts):
            place = (0, start, 0)
            self.engine.copy_window(part, (0, 0, 0), out=whole, at=place, shape=part.shape)

    def cut(self, whole: Tensor, parts: Parts, wanted: Flags | None = None) -> None:
        """Copy the whole into the parts, or only into the `wanted` ones (a flag for each)."""
        whole = self.seen(whole)
        for i, (part, start) in enumerate(self.placed(parts)):
            if wanted is None or wanted[i]:
                place = (0, start, 0)
                self.engine.copy_window(whole, place, out=part, at=(0, 0, 0), shape=part.shape)

    def seen(self, tensor: Tensor) -> Tensor:
        """A tensor as (outer, along the axis, inner)."""
        return tensor.reshape(*fold(tensor.shape, self.block_axis))

    def placed(self, parts: Parts) -> Iterator[tuple[Tensor, int]]:
        """Each part as (outer, along the axis, inner), with the place where it begins."""
        start = 0
        for part in map(self.seen, parts):
            yield part, start
            start += part.shape[1]
