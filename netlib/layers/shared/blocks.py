"""What Concat, Slice and their kin share: a blob as blocks one after the other along one axis."""

from ...shapes import fold
from ..base import Layer
from ..traits import EQUAL


class Blocks(Layer):
    """A layer that copies between a whole blob and its blocks along `block_axis`, both given as
    tensors."""

    scaling = EQUAL
    block_axis = 1

    def read_axis(self, p, old_name, blob):
        """The axis that the fields `p` name: `axis`, or in the older spelling `old_name`."""
        if p.HasField('axis') and p.HasField(old_name):
            raise self.error(f'Either axis or {old_name} should be specified; not both.')
        return self.axis(getattr(p, old_name) if p.HasField(old_name) else p.axis, blob)

    def join(self, parts, whole):
        """Copy the parts into the whole."""
        for part, start in self.placed(parts):
            self.engine.copy_window(
                part, (0, 0, 0), out=self.seen(whole), at=(0, start, 0), shape=part.shape
            )

    def cut(self, whole, parts, wanted=None):
        """Copy the whole into the parts, or into those that are `wanted` (a flag for each)."""
        for i, (part, start) in enumerate(self.placed(parts)):
            if wanted is None or wanted[i]:
                self.engine.copy_window(
                    self.seen(whole), (0, start, 0), out=part, at=(0, 0, 0), shape=part.shape
                )

    def seen(self, tensor):
        """A tensor as (outer, along the axis, inner)."""
        return tensor.reshape(*fold(tensor.shape, self.block_axis))

    def placed(self, parts):
        start = 0
        for part in map(self.seen, parts):
            yield part, start
            start += part.shape[1]
