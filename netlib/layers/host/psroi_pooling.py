from collections.abc import Iterator
from math import isfinite

import numpy as np

from ....proto.caffe_pb2 import PSROIPoolingParameter
from ...registry import register
from ...shapes import count
from ..base import Blobs, Flags, Layer
from ..traits import Scaling, Traits

Bin = tuple[int, int, int, slice, slice]  # region, row and column of the bin, rows and columns of x


@register
class PSROIPooling(Layer):
    """y = the mean of x in each of the k x k bins of each region, every bin from channels of its
    own; k = group_size

    Channel (d k + i) k + j of x belongs to bin (i, j) of channel d of y. A region goes from
    spatial_scale round(x1) to spatial_scale (round(x2) + 1), at least 0.1; bin i of it from the
    floor of its start to the ceiling of its end. Parts outside x are ignored; an empty bin is 0.

    bottom  x     (N, output_dim k^2, H, W)
            rois  (R, 5)        image, x1, y1, x2, y2 each; gets no gradient
    top     y     (R, output_dim, k, k)

    Source: Dai et al. 2016 (R-FCN), equation 1; caffe-rfcn's psroi_pooling_layer.
    """

    bottoms = 2
    no_gradient = (1,)
    traits = Traits(indices=(1,), regions=(1,))
    scaling = Scaling('equal', ignores=(1,))

    @property
    def fields(self) -> PSROIPoolingParameter:
        return self.param.psroi_pooling_param

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.fields
        if not p.spatial_scale > 0 or not isfinite(p.spatial_scale):
            raise self.error(f'spatial_scale: found {p.spatial_scale:g}, needed: a positive number')
        if p.output_dim < 1 or p.group_size < 1:
            raise self.error(
                f'output_dim and group_size must be > 0: found {p.output_dim} and {p.group_size}'
            )

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, rois = bottom
        p, k = self.fields, self.fields.group_size
        if x.axes != 4 or x.shape[1] != p.output_dim * k**2:
            raise self.error(
                f'output_dim and group_size need {p.output_dim * k**2} channels (N, C, H, W): '
                f"'{x.name}' has {x.shape_text}"
            )
        if not rois.axes or count(rois.shape, 1) != 5:
            raise self.error(f"needs regions (R, 5): '{rois.name}' has {rois.shape_text}")
        top[0].reshape(rois.shape[0], p.output_dim, k, k)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        self.rows = self.regions(bottom)
        x, y = self.grouped(bottom[0].values.array()), top[0].data
        for r, i, j, rows, columns in self.bins(bottom):
            part = x[int(self.rows[r, 0]), :, i, j, rows, columns]
            y[r, :, i, j] = part.mean((1, 2)) if part.size else 0

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[0]:
            bottom[0].diff[...] = 0
            dx, dy = self.grouped(bottom[0].diff), top[0].diffs.array()
            for r, i, j, rows, columns in self.bins(bottom):
                part = dx[int(self.rows[r, 0]), :, i, j, rows, columns]
                if part.size:
                    places = part.shape[1] * part.shape[2]
                    part += dy[r, :, i, j, None, None] / places
        if propagate_down[1]:
            bottom[1].diff[...] = 0

    def grouped(self, x: np.ndarray) -> np.ndarray:
        """x, or its diff, as (N, output_dim, k, k, H, W)."""
        k = self.fields.group_size
        return x.reshape(len(x), -1, k, k, *x.shape[2:])

    def regions(self, bottom: Blobs) -> np.ndarray:
        """The rows of rois. Raises LayerError for one that is not a region."""
        images = bottom[0].shape[0]
        rows = bottom[1].values.array().reshape(-1, 5).astype(np.float32)
        for i, row in enumerate(rows):
            if not np.isfinite(row).all() or not 0 <= row[0] < images:
                raise self.error(
                    f"row {i} of '{bottom[1].name}': found {row.tolist()}, needed: the index of "
                    f'one of {images} images and finite x1, y1, x2, y2'
                )
        return rows

    def bins(self, bottom: Blobs) -> Iterator[Bin]:
        """Each bin of each region, clipped to x."""
        *_, height, width = bottom[0].shape
        k = self.fields.group_size
        scale = np.float32(self.fields.spatial_scale)
        for r, (_, x1, y1, x2, y2) in enumerate(self.rows):
            rows = spans(y1, y2, scale, k, height)
            columns = spans(x1, x2, scale, k, width)
            for i in range(k):
                for j in range(k):
                    yield r, i, j, rows[i], columns[j]


def spans(
    first: np.float32, last: np.float32, scale: np.float32, bins: int, extent: int
) -> list[slice]:
    """The places of each bin between two corners, clipped to an axis of the extent."""
    start = rounded(first) * scale
    end = (rounded(last) + 1) * scale
    size = np.maximum(end - start, np.float32(0.1)) / np.float32(bins)
    edges = np.arange(bins + 1, dtype=np.float32) * size + start
    lower = np.clip(np.floor(edges[:-1]), 0, extent).astype(int)
    upper = np.clip(np.ceil(edges[1:]), 0, extent).astype(int)
    return list(map(slice, lower.tolist(), upper.tolist()))


def rounded(value: np.float32) -> np.float32:
    """The nearest integer; halves round away from 0, as in C."""
    return np.copysign(np.floor(np.abs(value) + np.float32(0.5)), value)
