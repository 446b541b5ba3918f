"""Stand-ins for the Python layers of py-faster-rcnn: the same bottoms and tops, with regions that
need no image."""

import numpy as np
from goodinit.caffe import Layer

HEIGHT, WIDTH = 64, 96
GT_BOXES = [[8, 8, 60, 50, 3], [40, 10, 90, 60, 7]]  # x1, y1, x2, y2, class


class RegionLayer(Layer):
    """`shapes(bottom)`: the shapes of the tops. `fill(bottom, top, rng)` draws the same in every
    pass."""

    def reshape(self, bottom, top):
        for blob, shape in zip(top, self.shapes(bottom), strict=True):
            blob.reshape(*shape)

    def forward(self, bottom, top):
        bottoms = [blob.data for blob in bottom]
        tops = [blob.data for blob in top]
        self.fill(bottoms, tops, np.random.default_rng(0))

    def backward(self, top, propagate_down, bottom):
        pass


class RoIDataLayer(RegionLayer):
    """An image, its extents and scale, its objects."""

    def shapes(self, bottom):
        return (1, 3, HEIGHT, WIDTH), (1, 3), (2, 5)

    def fill(self, bottom, top, rng):
        top[0][...] = rng.standard_normal(top[0].shape)
        top[1][...] = HEIGHT, WIDTH, 1
        top[2][...] = GT_BOXES


class AnchorTargetLayer(RegionLayer):
    """For 9 boxes around each place: 1 object, 0 none, -1 ignored; targets; weights inside and
    outside the loss."""

    def shapes(self, bottom):
        height, width = bottom[0].shape[2:]
        return (1, 1, 9 * height, width), *[(1, 36, height, width)] * 3

    def fill(self, bottom, top, rng):
        labels = top[0]
        labels[...] = rng.integers(-1, 2, labels.shape)
        top[1][...] = rng.standard_normal(top[1].shape)
        objects = (labels.reshape(1, 9, *top[1].shape[2:]) == 1).repeat(4, axis=1)
        top[2][...] = objects
        top[3][...] = objects / max(objects.sum(), 1)


class ProposalLayer(RegionLayer):
    """16 regions within the image: number of the image, x1, y1, x2, y2."""

    def shapes(self, bottom):
        return [(16, 5)]

    def fill(self, bottom, top, rng):
        height, width = bottom[2][0, :2]
        first, last = rng.uniform(0, 0.5, (16, 2)), rng.uniform(0.5, 1, (16, 2))
        top[0][:, 0] = 0
        top[0][:, 1:] = np.hstack([first, last]) * np.tile((width - 1, height - 1), 2)


class ProposalTargetLayer(RegionLayer):
    """The regions with their classes, and targets for 21 classes with their weights."""

    def shapes(self, bottom):
        rows = bottom[0].num
        return (rows, 5), (rows,), *[(rows, 84)] * 3

    def fill(self, bottom, top, rng):
        labels = rng.integers(0, 21, len(top[1]))
        top[0][...] = bottom[0]
        top[1][...] = labels
        top[2][...] = rng.standard_normal(top[2].shape)
        own = np.equal.outer(labels, np.arange(21)).repeat(4, axis=1) & (labels > 0)[:, None]
        top[3][...] = top[4][...] = own
