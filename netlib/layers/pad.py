from itertools import pairwise

from ..memory import Tensor
from ..registry import register
from .base import Blobs, Flags, Layer
from .traits import EQUAL_BY_CHANNEL


@register
class Pad(Layer):
    """y = x with a border of `pad` elements on both sides of each spatial axis

    mode ZERO      the border is 0
    mode REFLECT   the border mirrors x without repeating its edge: 2 1 | 0 1 2 3 | 2 1

    dx sums dy over all copies of each element.

    bottom  x  (N, C, ...)      top  y  (N, C, ... + 2 pad)

    Not in BVLC Caffe.
    """

    scaling = EQUAL_BY_CHANNEL

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        x = bottom[0]
        axes = x.axes - 2
        if axes < 1:
            raise self.error(
                f"needs spatial axes after (num, channels); found '{x.name}' {x.shape_text}"
            )
        self.pads = self.read_pads(axes)

    def read_pads(self, axes: int) -> list[int]:
        """The border of each spatial axis."""
        p = self.param.pad_param
        pads = list(p.pad)
        if p.HasField('pad_h') or p.HasField('pad_w'):
            if pads or axes != 2:
                raise self.error(
                    'pad_h and pad_w need 2 spatial axes and no pad; found '
                    f'{axes} of them and pad {pads}'
                )
            return [p.pad_h, p.pad_w]
        if len(pads) not in (1, axes):
            raise self.error(
                'pad must be specified once, or once per spatial dimension (pad specified '
                f'{len(pads)} times; {axes} spatial dims)'
            )
        return pads if len(pads) == axes else pads * axes

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, p = bottom[0], self.param.pad_param
        for extent, pad in zip(x.shape[2:], self.pads, strict=True):
            if p.mode == p.REFLECT and pad >= extent:
                raise self.error(
                    f'pad: {pad} must be smaller than the extent {extent} that it reflects, of '
                    f"'{x.name}' {x.shape_text}"
                )
        self.shapes = [x.shape]
        for axis, pad in enumerate(self.pads, 2):
            shape = self.shapes[-1]
            self.shapes.append((*shape[:axis], shape[axis] + 2 * pad, *shape[axis + 1 :]))
        top[0].reshape(*self.shapes[-1])

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        steps = [bottom[0].values, *self.between(), top[0].values]
        for i, (x, y) in enumerate(pairwise(steps)):
            self.engine.gather(x, self.index(x.shape[i + 2], self.pads[i]), i + 2, out=y)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if not propagate_down[0]:
            return
        steps = [bottom[0].diffs, *self.between(), top[0].diffs]
        for i in reversed(range(len(self.pads))):
            index = self.index(self.shapes[i][i + 2], self.pads[i])
            self.engine.scatter_add(steps[i + 1], index, i + 2, out=steps[i])

    def between(self) -> list[Tensor]:
        """Buffers for x with a border along the first spatial axis, the first two, and so on."""
        inner = enumerate(self.shapes[1:-1], 2)
        return [self.buffer(f'padded {axis}', *shape) for axis, shape in inner]

    def index(self, extent: int, pad: int) -> list[int]:
        """The source index of each element along an axis; -1 means zero."""
        places = range(-pad, extent + pad)
        if self.param.pad_param.mode == self.param.pad_param.ZERO:
            return [i if 0 <= i < extent else -1 for i in places]
        last = extent - 1
        return [last - abs(last - abs(i)) for i in places]
