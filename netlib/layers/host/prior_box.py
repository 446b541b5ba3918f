from collections.abc import Iterable
from math import sqrt
from operator import le

import numpy as np

from ....proto.caffe_pb2 import PriorBoxParameter
from ...registry import register
from ...shapes import count
from ..base import Blobs, Flags, Layer
from ..traits import FREE

Size = tuple[float, float]  # width and height in pixels


@register
class PriorBox(Layer):
    """Boxes around each place of a feature map, the starting points of detections, and variances

    Around each place, for each min_size m: a square of size m; with max_size M, a square of size
    sqrt(m M); for each aspect_ratio r (with flip, also 1 / r), a box of m sqrt(r) x m / sqrt(r).
    Sizes are in pixels of the image, truncated to integers as in SSD's layer. Alternatively, width
    and height give the boxes directly, without truncation. Place (x, y) is centered at ((x +
    offset) step_w, (y + offset) step_h); without a step, places are spread evenly. clip clips boxes
    to the image.

    bottom  x     (N, C, H, W)      only the extents of x and data are used
            data  (N, C, h, w)      the image, unless img_size (or img_h, img_w) gives its extents
    top     boxes (1, 2, 4 H W B)   [0, 0]: xmin, ymin, xmax, ymax of B boxes for each place, as
                                    fractions of the image's extents; [0, 1]: their variances

    Source: Liu et al. 2016 (SSD), section 2.2; SSD's prior_box_layer; width and height: Intel's
    fork.
    """

    bottoms = 2
    no_gradient = (0, 1)
    scaling = FREE

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.prior_box_param
        is_given = p.width or p.height
        sizes = self.given_sizes(p) if is_given else self.made_sizes(p)
        self.sizes = list(sizes)
        self.variance = list(p.variance) or [0.1]
        if len(self.variance) not in (1, 4) or min(self.variance) <= 0:
            raise self.error(f'variance: found {self.variance}, needed: 1 or 4 positive numbers')
        self.image = self.pair('img_size', 'img_h', 'img_w')
        self.step = self.pair('step', 'step_h', 'step_w')

    def given_sizes(self, p: PriorBoxParameter) -> Iterable[Size]:
        """The width and height fields."""
        is_paired = len(p.width) == len(p.height)
        if p.min_size or not is_paired or min([*p.width, *p.height]) <= 0:
            raise self.error(
                'width and height need as many positive numbers each, instead of min_size: '
                f'found width {list(p.width)}, height {list(p.height)}, min_size {list(p.min_size)}'
            )
        return zip(p.width, p.height, strict=True)

    def made_sizes(self, p: PriorBoxParameter) -> Iterable[Size]:
        """The sizes of the boxes around a place, from min_size, max_size and aspect_ratio."""
        self.check_sizes(p)
        for i, least in enumerate(map(int, p.min_size)):
            yield least, least
            if p.max_size:
                between = sqrt(least * int(p.max_size[i]))
                yield between, between
            for ratio in self.ratios(p):
                yield least * sqrt(ratio), least / sqrt(ratio)

    def check_sizes(self, p: PriorBoxParameter) -> None:
        """Raises LayerError for min_size and max_size that give no boxes."""
        if not p.min_size:
            raise self.error('must provide min_size.')
        if min(p.min_size) <= 0:
            raise self.error(f'min_size must be positive: found {list(p.min_size)}')
        if not p.max_size:
            return
        too_small = map(le, p.max_size, p.min_size)
        if len(p.max_size) != len(p.min_size) or any(too_small):
            raise self.error(
                'max_size must be greater than min_size, and there must be as many: found max_size '
                f'{list(p.max_size)}, min_size {list(p.min_size)}'
            )

    def ratios(self, p: PriorBoxParameter) -> list[float]:
        """The aspect ratios except 1, without duplicates."""
        found = [1.0]
        for ratio in p.aspect_ratio:
            if ratio <= 0:
                raise self.error(
                    f'aspect_ratio: found {list(p.aspect_ratio)}, needed: positive numbers'
                )
            if all(abs(ratio - other) >= 1e-6 for other in found):
                found += [ratio, 1 / ratio] if p.flip else [ratio]
        return found[1:]

    def pair(self, both: str, *each: str) -> list[float] | None:
        """The height and width of a field given once, or as its _h and _w; None if it is not
        given."""
        p = self.param.prior_box_param
        given = [field for field in (both, *each) if p.HasField(field)]
        if not given:
            return None
        if both in given and len(given) > 1:
            raise self.error(f'Either {both} or {each[0]}/{each[1]} should be specified; not both.')
        fields = [both, both] if both in given else each
        values = [getattr(p, field) for field in fields]
        if min(values) <= 0:
            raise self.error(
                f'{" and ".join(given)} should be larger than 0, for height and width: found '
                f'{values}'
            )
        return values

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        for blob in bottom:
            if blob.axes != 4 or not blob.count:
                raise self.error(
                    f"needs maps and images (N, C, H, W): '{blob.name}' has {blob.shape_text}"
                )
        places = count(bottom[0].shape, 2)
        top[0].reshape(1, 2, 4 * places * len(self.sizes))

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.prior_box_param
        rows, columns = bottom[0].shape[2:]
        height, width = self.image or bottom[1].shape[2:]
        step_h, step_w = self.step or (height / rows, width / columns)
        y = (np.arange(rows) + p.offset) * step_h
        x = (np.arange(columns) + p.offset) * step_w
        centers = np.stack(np.meshgrid(x, y), -1)
        centers = centers[:, :, None]
        half = np.array(self.sizes) / 2
        boxes = np.concatenate([centers - half, centers + half], -1)
        boxes /= (width, height, width, height)
        if p.clip:
            boxes = boxes.clip(0, 1)
        priors, variances = top[0].data[0]
        priors[:] = boxes.reshape(-1)
        variances.reshape(-1, 4)[:] = self.variance

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        for blob, wanted in zip(bottom, propagate_down, strict=True):
            if wanted:
                self.engine.fill(0, out=blob.diffs)


@register
class PriorBoxClustered(PriorBox):
    """PriorBox under the name used in Intel's prototxts with width and height."""
