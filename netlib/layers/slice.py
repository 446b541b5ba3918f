from dataclasses import replace
from itertools import pairwise

from ..blob import Blob
from ..registry import register
from .base import Blobs, Flags
from .shared.blocks import Blocks
from .traits import PASSES, Traits


@register
class Slice(Blocks):
    """y_k = the k-th block of x along `axis` (channels by default)

    Blocks end at the slice_points, or have equal sizes without slice_points.

    bottom  x    (..., C, ...)
    top     y_k  (..., C_k, ...)        the C_k add up to C

    Source: BVLC Caffe's slice_layer; slice_dim is an older spelling of axis.
    """

    tops = (1, None)
    traits = Traits(moves=True, repeats=PASSES)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        self.read_axis(self.param.slice_param, 'slice_dim', bottom[0])
        self.traits = replace(self.traits, by_sample=self.block_axis > 0)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, axis = bottom[0], self.block_axis
        for blob, extent in zip(top, self.extents(x, len(top)), strict=True):
            blob.reshape(*x.shape[:axis], extent, *x.shape[axis + 1 :])

    def extents(self, x: Blob, tops: int) -> list[int]:
        """The extent of each block."""
        points, extent = list(self.param.slice_param.slice_point), x.shape[self.block_axis]
        if points:
            return self.between_points(x, points, tops)
        if extent % tops:
            raise self.error(
                f'Number of top blobs ({tops}) should evenly divide input slice axis ({extent}); '
                'or give slice_point'
            )
        return [extent // tops] * tops

    def between_points(self, x: Blob, points: list[int], tops: int) -> list[int]:
        """The extent of each block that ends at a slice_point, and of the last."""
        if len(points) != tops - 1:
            raise self.error(
                f'slice_point: found {len(points)}, needed one fewer than the {tops} tops '
                '(slice_point_.size() == top.size() - 1)'
            )
        extent = x.shape[self.block_axis]
        ends = [0, *points, extent]
        extents = [end - start for start, end in pairwise(ends)]
        if min(extents) < 1:
            raise self.error(
                f'slice_point: {points} must increase, between 0 and the {extent} of axis '
                f"{self.block_axis} of '{x.name}'"
            )
        return extents

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        self.cut(bottom[0].values, [t.values for t in top])

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[0]:
            self.join([t.diffs for t in top], bottom[0].diffs)
