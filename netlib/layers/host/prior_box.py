from math import sqrt

import numpy as np

from ...registry import register
from ..base import Layer
from ..traits import FREE


@register
class PriorBox(Layer):
    """Boxes around each place of a feature map, from which detections start, and their variances

    Around each place, for each min_size m: a square of m; with max_size M a square of sqrt(m M);
    and for each aspect_ratio r, with flip also 1 / r, a box of m sqrt(r) x m / sqrt(r). Sizes are
    pixels of the image, truncated to integers as in SSD's layer. Or in place of all these, one box
    for each width and height, as they are. Place (x, y) is centred at ((x + offset) step_w, (y +
    offset) step_h); without a step the places are spread evenly. clip cuts boxes off at the image.

    bottom  x     (N, C, H, W)      only the extents of x and data matter
            data  (N, C, h, w)      the image, unless img_size (or img_h and img_w) gives its extents
    top     boxes (1, 2, 4 H W B)   [0, 0]: xmin, ymin, xmax, ymax of B boxes place by place, as parts of the image;
                                    [0, 1]: their variances

    Source: Liu et al. 2016 (SSD), section 2.2; SSD's prior_box_layer; width and height: Intel's
    fork.
    """

    bottoms = 2
    no_gradient = (0, 1)
    scaling = FREE

    def setup(self, bottom, top):
        p = self.param.prior_box_param
        self.sizes = list(self.given_sizes(p) if p.width or p.height else self.make_sizes(p))
        self.variance = list(p.variance) or [0.1]
        if len(self.variance) not in (1, 4) or min(self.variance) <= 0:
            raise self.error(f'variance: found {self.variance}, needed one or 4 positive numbers')
        self.image = self.pair('img_size', 'img_h', 'img_w')
        self.step = self.pair('step', 'step_h', 'step_w')

    def given_sizes(self, p):
        if p.min_size or len(p.width) != len(p.height) or min([*p.width, *p.height]) <= 0:
            raise self.error(
                'width and height must be as many positive numbers, in place of min_size: found width '
                f'{list(p.width)}, height {list(p.height)}, min_size {list(p.min_size)}'
            )
        return zip(p.width, p.height, strict=True)

    def make_sizes(self, p):
        """Width and height of each box around a place, in pixels."""
        if not p.min_size:
            raise self.error('must provide min_size.')
        if min(p.min_size) <= 0:
            raise self.error(f'min_size must be positive: found {list(p.min_size)}')
        if p.max_size and (
            len(p.max_size) != len(p.min_size)
            or any(most <= least for least, most in zip(p.min_size, p.max_size, strict=True))
        ):
            raise self.error(
                'max_size must be greater than min_size, and there must be as many: found max_size '
                f'{list(p.max_size)}, min_size {list(p.min_size)}'
            )
        for i, least in enumerate(map(int, p.min_size)):
            yield least, least
            if p.max_size:
                yield (sqrt(least * int(p.max_size[i])),) * 2
            for ratio in self.ratios(p):
                yield least * sqrt(ratio), least / sqrt(ratio)

    def ratios(self, p):
        """The aspect ratios but 1, each once."""
        found = [1.0]
        for ratio in p.aspect_ratio:
            if ratio <= 0:
                raise self.error(
                    f'aspect_ratio: found {list(p.aspect_ratio)}, needed positive numbers'
                )
            if all(abs(ratio - other) >= 1e-6 for other in found):
                found += [ratio, 1 / ratio] if p.flip else [ratio]
        return found[1:]

    def pair(self, both, *each):
        """A field for height and width given once or as its _h and _w; None where it is not given."""
        p = self.param.prior_box_param
        given = [field for field in (both, *each) if p.HasField(field)]
        if both in given and len(given) > 1:
            raise self.error(f'Either {both} or {each[0]}/{each[1]} should be specified; not both.')
        values = [getattr(p, field) for field in ([both, both] if both in given else each)]
        if given and min(values) <= 0:
            raise self.error(
                f'{" and ".join(given)} should be larger than 0, for height and width: found {values}'
            )
        return values if given else None

    def reshape(self, bottom, top):
        for blob in bottom:
            if blob.axes != 4 or not blob.count:
                raise self.error(
                    f"needs maps and images (N, C, H, W): '{blob.name}' has {blob.shape_text}"
                )
        height, width = bottom[0].shape[2:]
        top[0].reshape(1, 2, 4 * height * width * len(self.sizes))

    def forward(self, bottom, top):
        p, places, image = (
            self.param.prior_box_param,
            bottom[0].shape[2:],
            self.image or bottom[1].shape[2:],
        )
        steps = self.step or np.divide(image, places)
        y, x = ((np.arange(n) + p.offset) * step for n, step in zip(places, steps, strict=True))
        centres = np.stack(np.meshgrid(x, y), -1)[:, :, None]
        half = np.array(self.sizes) / 2
        boxes = np.concatenate([centres - half, centres + half], -1) / (*image[::-1], *image[::-1])
        priors, variances = top[0].data[0]
        priors[:] = (boxes.clip(0, 1) if p.clip else boxes).reshape(-1)
        variances.reshape(-1, 4)[:] = self.variance

    def backward(self, top, propagate_down, bottom):
        for blob, wanted in zip(bottom, propagate_down, strict=True):
            if wanted:
                self.engine.fill(0, out=blob.diffs)


@register
class PriorBoxClustered(PriorBox):
    """PriorBox by the name that Intel's prototxts with width and height give it."""
