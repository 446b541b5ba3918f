from ...proto.caffe_pb2 import UnpoolingParameter
from ..blob import Blob
from ..engines.interface import Window
from ..registry import register
from .base import Blobs, Flags, Layer
from .traits import Scaling


@register
class Unpooling(Layer):
    """y = x on a larger map: the reverse of a pooling layer

    MAX with a mask     each value goes to its place in the mask; the rest is 0
    MAX without a mask  each value goes to the first place of its window; the rest is 0
    TILE                each value fills its window, which must not overlap others
    AVE                 each value is spread over its window, divided by the window's size

    dx collects dy from the places that x went to. For TILE, dx is the sum over the window; the
    original divides it by the window's size. If a mask sends several values to one place (from
    overlapping windows), they add up, consistent with the gradient; the original keeps the last.

    bottom  x     (N, C, H, W)
            mask  (N, C, H, W)      optional: flat indices y W' + x, like Pooling's second top
    top     y     (N, C, H', W')    unpool_size, or unpool_h and unpool_w

    Source: Noh et al. 2015 (DeconvNet), unpooling_layer of HyeonwooNoh/caffe.
    """

    bottoms = (1, 2)
    no_gradient = (1,)
    scaling = Scaling('equal', channels='kept', ignores=(1,))
    average = tiles = False

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.unpooling_param
        self.average, self.tiles = p.unpool == p.AVE, p.unpool == p.TILE
        if len(bottom) > 1 and p.unpool != p.MAX:
            raise self.error(f'a mask requires unpool: MAX; found {p.UnpoolMethod.Name(p.unpool)}')
        if max(p.pad, p.pad_h, p.pad_w):
            raise self.error('pad: currently, only zero padding is allowed.')
        self.kernel = self.pair(p, 'kernel', 'kernel_size')
        self.stride = self.pair(p, 'stride', 'stride', 1)
        self.extents = self.pair(p, 'unpool', 'unpool_size')
        if min(*self.kernel, *self.stride, *self.extents) < 1:
            raise self.error(
                f'kernel {self.kernel}, stride {self.stride} and extents {self.extents} cannot be '
                'zero'
            )
        overlap = any(k > s for k, s in zip(self.kernel, self.stride, strict=True))
        if self.tiles and overlap:
            raise self.error(
                f'unpool: TILE needs windows that do not overlap; found kernel {self.kernel} with '
                f'stride {self.stride}'
            )

    def pair(
        self, p: UnpoolingParameter, short: str, name: str, default: int = 0
    ) -> tuple[int, int]:
        """A field given once, or as its _h and _w."""
        height, width = f'{short}_h', f'{short}_w'
        high, wide, square = map(p.HasField, (height, width, name))
        missing = not (high or wide or square or default)
        if missing or high != wide or (high and square):
            raise self.error(
                f'{name} is {name} OR {height} and {width}; not both, and one of them is required'
            )
        if high:
            return getattr(p, height), getattr(p, width)
        value = getattr(p, name) if square else default
        return value, value

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x = bottom[0]
        if x.axes != 4:
            raise self.error(
                'Input must have 4 axes, corresponding to (num, channels, height, width); found '
                f"'{x.name}' {x.shape_text}"
            )
        if len(bottom) > 1 and bottom[1].shape != x.shape:
            raise self.error(
                f"the mask '{bottom[1].name}' {bottom[1].shape_text} must have the shape of "
                f"'{x.name}' {x.shape_text}"
            )
        self.image = x.shape[2:]
        self.find_extents()
        top[0].reshape(*x.shape[:2], *self.extents)

    def find_extents(self) -> None:
        """Set, or check, what follows from the extents of x."""
        for n, stride, extent in zip(self.image, self.stride, self.extents, strict=True):
            if (n - 1) * stride >= extent:
                raise self.error(
                    f'{n} windows with stride {stride} do not fit into an extent of {extent}'
                )

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, x, y = self.engine, bottom[0].values, top[0].values
        if len(bottom) > 1:
            self.check_mask(bottom[1])
            # Wide enough for the window of any pooling that may have made the mask.
            reach = tuple(max(k, 2 * s) for k, s in zip(self.kernel, self.stride, strict=True))
            wide = Window(tuple(2 * r for r in reach), self.stride, reach, (1, 1))
            e.pool_mask_backward(x, bottom[1].values, wide, out=y)
        elif self.average:
            e.pool_ave_backward(x, Window(self.kernel, self.stride, (0, 0), (1, 1)), out=y)
        else:
            rows = self.buffer('rows', *x.shape[:2], y.shape[2], x.shape[3])
            e.gather(x, self.sources(0), 2, out=rows)
            e.gather(rows, self.sources(1), 3, out=y)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if not propagate_down[0]:
            return
        e, dx, dy = self.engine, bottom[0].diffs, top[0].diffs
        if len(bottom) > 1:
            e.pool_mask_forward(dy, bottom[1].values, out=dx)
        elif self.average:
            e.pool_ave_forward(dy, Window(self.kernel, self.stride, (0, 0), (1, 1)), out=dx)
        else:
            rows = self.buffer('rows', *dx.shape[:2], dy.shape[2], dx.shape[3])
            e.scatter_add(dy, self.sources(1), 3, out=rows)
            e.scatter_add(rows, self.sources(0), 2, out=dx)

    def check_mask(self, mask: Blob) -> None:
        height, width = self.extents
        last = int(mask.values.array().max(initial=-1))
        if last >= height * width:
            raise self.error(
                f"top index {last} of the mask '{mask.name}' out of range: y is {height} x "
                f"{width}; check that this is the size of the Pooling's bottom"
            )

    def sources(self, axis: int) -> list[int]:
        """The source index of each place of y along a spatial axis; -1 means zero."""
        n, stride, filled = (
            self.image[axis],
            self.stride[axis],
            self.kernel[axis] if self.tiles else 1,
        )
        return [
            t // stride if t % stride < filled and t // stride < n else -1
            for t in range(self.extents[axis])
        ]
