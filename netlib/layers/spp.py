from ..blob import Blob
from ..engines.interface import Window
from ..memory import Tensor
from ..registry import register
from ..shapes import Shape, count, pool_extents
from .base import Blobs, Flags
from .shared.blocks import Blocks


@register
class SPP(Blocks):
    """Spatial pyramid pooling: x pooled to 1 x 1, 2 x 2, 4 x 4, ... bins, concatenated

    Level i has 2^i bins along each axis. Its window and stride are ceil(size / bins). The
    missing elements are its pad, divided between the two sides.

    bottom  x  (N, C, H, W)
    top     y  (N, C (1 + 4 + 16 + ...)): the same length for images of any size
               (N, C, 1, 1) with pyramid_height: 1

    Source: He et al. 2014; BVLC Caffe's spp_layer.
    """

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.spp_param
        if not p.pyramid_height:
            raise self.error('pyramid_height: must be positive')
        if p.pool == p.STOCHASTIC:
            raise self.error('pool: STOCHASTIC is Not Implemented Yet; use MAX or AVE')

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, height = bottom[0], self.param.spp_param.pyramid_height
        if x.axes != 4:
            raise self.error(
                'Input must have 4 axes, corresponding to (num, channels, height, width); found '
                f"'{x.name}' {x.shape_text}"
            )
        self.windows = [self.window(x, 2**level) for level in range(height)]
        self.shapes: list[Shape] = []
        for window in self.windows:
            extents = pool_extents(x.shape[2:], window.kernel, window.stride, window.pad)
            self.shapes.append((*x.shape[:2], *extents))
        if height == 1:
            top[0].reshape(*self.shapes[0])
        else:
            top[0].reshape(x.shape[0], sum(count(shape, 1) for shape in self.shapes))

    def window(self, x: Blob, bins: int) -> Window:
        """The window of the level with this many bins along each axis."""
        image = x.shape[2:]
        kernel = tuple(-(-n // bins) for n in image)
        pad = tuple((k * bins - n + 1) // 2 for k, n in zip(kernel, image, strict=True))
        if any(p >= k for p, k in zip(pad, kernel, strict=True)):
            raise self.error(
                f"pyramid_height: {bins} bins per axis are too many for '{x.name}' {x.shape_text} "
                '(pad_h_ < kernel_h_)'
            )
        return Window(kernel, kernel, pad, (1, 1))

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, p, x = self.engine, self.param.spp_param, bottom[0].values
        levels = zip(self.windows, self.levels('y'), self.levels('mask'), strict=True)
        for window, y, mask in levels:
            if p.pool == p.MAX:
                e.pool_max_forward(x, window, out=y, mask=mask)
            else:
                e.pool_ave_forward(x, window, out=y)
        self.join(self.flat(self.levels('y')), self.flat([top[0].values])[0])

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if not propagate_down[0]:
            return
        e, p, dx = self.engine, self.param.spp_param, bottom[0].diffs
        self.cut(self.flat([top[0].diffs])[0], self.flat(self.levels('dy')))
        part = self.buffer('part', *dx.shape)
        levels = zip(self.windows, self.levels('mask'), self.levels('dy'), strict=True)
        for i, (window, mask, dy) in enumerate(levels):
            if p.pool == p.MAX:
                e.pool_mask_backward(dy, mask, window, out=part)
            else:
                e.pool_ave_backward(dy, window, out=part)
            e.axpby(1, part, 1 if i else 0, out=dx)

    def levels(self, name: str) -> list[Tensor]:
        """A buffer for each level."""
        return [self.buffer(f'{name}{i}', *shape) for i, shape in enumerate(self.shapes)]

    def flat(self, tensors: list[Tensor]) -> list[Tensor]:
        """Tensors as (N, ...) rows."""
        return [t.reshape(t.shape[0], t.size // max(t.shape[0], 1)) for t in tensors]
