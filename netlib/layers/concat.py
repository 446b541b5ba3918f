from dataclasses import replace

from ..registry import register
from .base import Blobs, Flags
from .shared.blocks import Blocks
from .traits import PASSES, Traits


@register
class Concat(Blocks):
    """y = the bottoms, concatenated along `axis` (channels by default)

    bottom  x_i  (..., C_i, ...)        extents of the other axes agree
    top     y    (..., sum of C_i, ...)

    Source: BVLC Caffe's concat_layer; concat_dim is an older spelling of axis.
    """

    bottoms = (1, None)
    traits = Traits(moves=True, repeats=PASSES)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        self.read_axis(self.param.concat_param, 'concat_dim', bottom[0])
        self.traits = replace(self.traits, by_sample=self.block_axis > 0)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        first, axis = bottom[0], self.block_axis
        before, after = first.shape[:axis], first.shape[axis + 1 :]
        total = 0
        for blob in bottom:
            if blob.axes != first.axes:
                raise self.error(
                    f"All inputs must have the same number of axes: '{first.name}' has "
                    f"{first.shape_text}, '{blob.name}' {blob.shape_text}"
                )
            if blob.shape[:axis] != before or blob.shape[axis + 1 :] != after:
                raise self.error(
                    f'All inputs must have the same shape, except at concat_axis ({axis}): '
                    f"'{first.name}' has {first.shape_text}, '{blob.name}' {blob.shape_text}"
                )
            total += blob.shape[axis]
        top[0].reshape(*before, total, *after)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        self.join([b.values for b in bottom], top[0].values)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.cut(top[0].diffs, [b.diffs for b in bottom], propagate_down)
