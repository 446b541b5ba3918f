from math import prod

from ..blob import Blob
from ..registry import register
from .base import Blobs, Flags, Layer
from .traits import EQUAL, EQUAL_BY_CHANNEL, PASSES, Traits


@register
class Reshape(Layer):
    """y = x in another shape

    The extents in reshape_param.shape replace `num_axes` axes from `axis` on (all by default). An
    extent of 0 copies the bottom's extent at that place; one extent of -1 is inferred. The top
    shares the bottom's memory, values and diff.

    bottom  x  (...)        top  y  (...), the same number of elements

    Source: BVLC Caffe's reshape_layer.
    """

    traits = Traits(moves=True, repeats=PASSES)
    scaling = EQUAL

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.reshape_param
        copies_first = p.num_axes != 0 and list(p.shape.dim[:1]) == [0]
        if p.axis > 0 or (p.axis == 0 and copies_first):
            self.scaling = EQUAL_BY_CHANNEL

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, p = bottom[0], self.param.reshape_param
        # A negative axis counts from one past the last: -1 appends.
        start = p.axis if p.axis >= 0 else x.axes + p.axis + 1
        end = x.axes if p.num_axes == -1 else start + p.num_axes
        if not 0 <= start <= end <= x.axes:
            raise self.error(
                f'axis {p.axis} with num_axes {p.num_axes} out of range for {x.axes}-D Blob with '
                f"shape {x.shape_text} (blob '{x.name}')"
            )
        shape = list(x.shape[:start])
        for i, extent in enumerate(p.shape.dim, start):
            shape.append(extent or self.copied(x, i))
        shape = self.inferred(x, shape + list(x.shape[end:]))
        if prod(shape) != x.count:
            raise self.error(
                f'output count must match input count: the shape {shape} has {prod(shape)} '
                f"elements, '{x.name}' {x.shape_text}"
            )
        top[0].reshape(*shape)
        top[0].share(x)

    def copied(self, x: Blob, axis: int) -> int:
        """The extent that a 0 copies."""
        if axis >= x.axes:
            raise self.error(
                'new shape contains a 0, but there was no corresponding bottom axis to copy: axis '
                f"{axis} of '{x.name}' {x.shape_text}"
            )
        return x.shape[axis]

    def inferred(self, x: Blob, shape: list[int]) -> list[int]:
        """The shape with its -1 replaced by the inferred extent."""
        if -1 not in shape:
            return shape
        if shape.count(-1) > 1:
            raise self.error(
                'new shape contains multiple -1 dims; at most a single (1) value of -1 may be '
                'specified'
            )
        rest = -prod(shape)
        if not rest or x.count % rest:
            raise self.error(
                f'bottom count ({x.count}) must be divisible by the product of the specified '
                f'dimensions ({rest})'
            )
        return [x.count // rest if n == -1 else n for n in shape]

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        pass

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        pass
