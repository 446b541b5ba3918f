from ..blob import Blob
from ..engines.interface import Window
from ..memory import Tensor
from ..registry import register
from ..shapes import pool_extents
from .base import Blobs
from .shared.pyramid import Pyramid


@register
class SPP(Pyramid):
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
        self.check_images(x)
        self.windows = [self.window(x, 2**level) for level in range(height)]
        self.shapes = []
        for window in self.windows:
            extents = pool_extents(x.shape[2:], window.kernel, window.stride, window.pad)
            self.shapes.append((*x.shape[:2], *extents))
        self.place_top(x, top[0])

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

    @property
    def is_max(self) -> bool:
        p = self.param.spp_param
        return p.pool == p.MAX

    def pool(self, level: int, x: Tensor, y: Tensor, winner: Tensor) -> None:
        if self.is_max:
            self.engine.pool_max_forward(x, self.windows[level], out=y, mask=winner)
        else:
            self.engine.pool_ave_forward(x, self.windows[level], out=y)

    def pool_backward(self, level: int, dy: Tensor, winner: Tensor, dx: Tensor) -> None:
        if self.is_max:
            self.engine.pool_mask_backward(dy, winner, self.windows[level], out=dx)
        else:
            self.engine.pool_ave_backward(dy, self.windows[level], out=dx)
