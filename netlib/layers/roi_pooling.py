from math import copysign, floor, isfinite

from ..blob import Blob
from ..engines.interface import Bins
from ..registry import register
from ..shapes import count
from .base import Blobs, Flags, Layer
from .traits import Scaling, Traits


@register
class ROIPooling(Layer):
    """y = the largest value of x in each of the pooled_h x pooled_w bins of each region of interest

    The corners of a region, times spatial_scale and rounded (halves away from 0), are places of x.
    Both corners are inside the region, which is at least 1 x 1. Bin i of n in an extent of h goes
    from floor(i h / n) to ceil((i + 1) h / n), so neighbors may overlap. Parts outside x are
    ignored; an empty bin is 0.

    bottom  x     (N, C, H, W)
            rois  (R, 5)        image, x1, y1, x2, y2 each; gets no gradient
    top     y     (R, C, pooled_h, pooled_w)

    Source: Girshick 2015 (Fast R-CNN), section 2.1; caffe-fast-rcnn's roi_pooling_layer.
    """

    bottoms = 2
    no_gradient = (1,)
    traits = Traits(indices=(1,), regions=(1,))
    scaling = Scaling('equal', ignores=(1,))

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        scale = self.param.roi_pooling_param.spatial_scale
        if not isfinite(scale):
            raise self.error(f'spatial_scale: found {scale:g}, needed: a finite number')
        for field in ('pooled_h', 'pooled_w'):
            if not getattr(self.param.roi_pooling_param, field):
                raise self.error(f'{field} must be > 0')

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, rois = bottom
        p = self.param.roi_pooling_param
        if x.axes != 4 or not rois.axes or count(rois.shape, 1) != 5:
            raise self.error(
                f"needs maps (N, C, H, W) and regions (R, 5): '{x.name}' has {x.shape_text}, "
                f"'{rois.name}' {rois.shape_text}"
            )
        top[0].reshape(rois.shape[0], x.shape[1], p.pooled_h, p.pooled_w)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        self.bins = self.place_bins(*bottom)
        x, y = bottom[0].values, top[0].values
        self.engine.roi_pool_forward(x, self.bins, out=y, winner=self.buffer('winner', *y.shape))

    def place_bins(self, x: Blob, rois: Blob) -> Bins:
        """The bins of all regions. Raises LayerError for a row that is not a region."""
        p, (_, _, height, width) = self.param.roi_pooling_param, x.shape
        images, rows, columns = [], [], []
        for i, roi in enumerate(rois.values.array().reshape(-1, 5).tolist()):
            self.check_region(i, roi, x, rois)
            left, top, right, bottom = [rounded(corner * p.spatial_scale) for corner in roi[1:]]
            images.append(int(roi[0]))
            rows.append(spans(top, bottom, p.pooled_h, height))
            columns.append(spans(left, right, p.pooled_w, width))
        return Bins(images, rows, columns)

    def check_region(self, i: int, roi: list[float], x: Blob, rois: Blob) -> None:
        images = x.shape[0]
        if not all(map(isfinite, roi)) or not 0 <= roi[0] < images:
            raise self.error(
                f"row {i} of '{rois.name}': found {roi}, needed: the index of one of {images} "
                'images and finite x1, y1, x2, y2'
            )

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[0]:
            dy, dx = top[0].diffs, bottom[0].diffs
            winner = self.buffer('winner', *dy.shape)
            self.engine.roi_pool_backward(dy, winner, self.bins, out=dx)
        if propagate_down[1]:
            self.engine.fill(0, out=bottom[1].diffs)


def rounded(value: float) -> int:
    """The nearest integer; halves round away from 0, as in C."""
    return int(copysign(floor(abs(value) + 0.5), value))


def spans(first: int, last: int, bins: int, extent: int) -> list[tuple[int, int]]:
    """The start and end of each bin between two places, clipped to an axis of the extent."""
    size = max(last - first + 1, 1)
    out = []
    for i in range(bins):
        start = first + i * size // bins
        end = first - (-(i + 1) * size // bins)
        out.append((clipped(start, extent), clipped(end, extent)))
    return out


def clipped(place: int, extent: int) -> int:
    return min(max(place, 0), extent)
