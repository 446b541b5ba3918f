from ..blob import Blob
from ..engines.interface import Bins
from ..memory import Tensor
from ..registry import register
from .base import Blobs
from .roi_pooling import spans
from .shared.pyramid import Pyramid


@register
class SpatialPyramidPooling(Pyramid):
    """The largest values of x in n x n bins, for each n in spatial_bin, concatenated

    Bin i of n along an axis of h goes from floor(i h / n) to ceil((i + 1) h / n), so neighbors may
    overlap; SPP has bins of equal size and a pad instead.

    bottom  x  (N, C, H, W)
    top     y  (N, C (n1^2 + n2^2 + ...)): the same length for images of any size
               (N, C, n, n) with one spatial_bin

    Source: He et al. 2014, section 2.2; SPP-net's spatial_pyramid_pooling_layer, in old prototxts
    the type SPATIAL_PYRAMID_POOLING.
    """

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.spatial_pyramid_pooling_param
        if not p.spatial_bin or 0 in p.spatial_bin:
            found = ', '.join(map(str, p.spatial_bin)) or 'none'
            raise self.error(f'spatial_bin: found {found}, needed: one or more numbers above 0')
        if p.pool != p.MAX:
            raise self.error('pool: only MAX is known, as in SPP-net; SPP also has AVE')

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, p = bottom[0], self.param.spatial_pyramid_pooling_param
        self.check_images(x)
        self.bins = [place_bins(x, n) for n in p.spatial_bin]
        self.shapes = [(*x.shape[:2], n, n) for n in p.spatial_bin]
        self.place_top(x, top[0])

    def pool(self, level: int, x: Tensor, y: Tensor, winner: Tensor) -> None:
        self.engine.roi_pool_forward(x, self.bins[level], out=y, winner=winner)

    def pool_backward(self, level: int, dy: Tensor, winner: Tensor, dx: Tensor) -> None:
        self.engine.roi_pool_backward(dy, winner, self.bins[level], out=dx)


def place_bins(x: Blob, n: int) -> Bins:
    """n x n bins over each image of x."""
    images, _, height, width = x.shape
    rows, columns = spans(0, height - 1, n, height), spans(0, width - 1, n, width)
    return Bins(list(range(images)), [rows] * images, [columns] * images)
