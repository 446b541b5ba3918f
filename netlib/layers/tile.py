from ..registry import register
from ..shapes import fold
from .base import Blobs, Flags, Layer
from .traits import EQUAL, Traits


@register
class Tile(Layer):
    """y = x repeated `tiles` times along `axis`;  dx = the sum of dy over the repeats

    bottom  x  (..., C, ...)        top  y  (..., tiles C, ...)
    """

    traits = Traits(moves=True)
    scaling = EQUAL

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.tile_param
        if not p.HasField('tiles'):
            raise self.error('Number of tiles must be specified')
        if p.tiles < 1:
            raise self.error(f'Number of tiles must be positive; found {p.tiles}')

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, p = bottom[0], self.param.tile_param
        axis = self.axis(p.axis, x)
        top[0].reshape(*x.shape[:axis], x.shape[axis] * p.tiles, *x.shape[axis + 1 :])
        self.outer, self.extent, self.inner = fold(x.shape, axis)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        tiles = self.param.tile_param.tiles
        x = bottom[0].values.reshape(self.outer, self.extent, self.inner)
        y = top[0].values.reshape(self.outer, tiles * self.extent, self.inner)
        self.engine.gather(x, list(range(self.extent)) * tiles, 1, out=y)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[0]:
            tiles, numbers = self.param.tile_param.tiles, self.extent * self.inner
            dy = top[0].diffs.reshape(self.outer, tiles, numbers)
            self.engine.sum(dy, out=bottom[0].diffs.reshape(self.outer, 1, numbers))
