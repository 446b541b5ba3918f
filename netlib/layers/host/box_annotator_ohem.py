import numpy as np

from ...registry import register
from ...shapes import count
from ..base import Blobs, Flags, Layer
from ..traits import Traits


@register
class BoxAnnotatorOHEM(Layer):
    """The labels and box weights of the roi_per_img regions of each image whose loss is greatest;
    the others get ignore_label and weights of 0

    bottom  rois     (R, 5)         image, x1, y1, x2, y2 each
            cls      R numbers      the loss of each region's class
            box      R numbers      the loss of its box; the two are added
            labels   (R, ...)
            weights  (R, ...)       of the box's coordinates
    top     labels   (R, ...)
            weights  (R, ...)

    Source: Shrivastava et al. 2016 (OHEM), section 4; caffe-rfcn's box_annotator_ohem_layer.
    """

    bottoms = 5
    tops = 2
    no_gradient = (0, 1, 2, 3, 4)
    traits = Traits(answers=True, indices=(0, 3))

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        if not self.param.box_annotator_ohem_param.roi_per_img:
            raise self.error('roi_per_img must be > 0')

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        rois, cls, box, labels, weights = bottom
        regions = rois.shape[0] if rois.axes else 0
        fits = rois.axes and count(rois.shape, 1) == 5 and weights.shape[:1] == (regions,)
        if not fits or {cls.count, box.count, labels.count} != {regions}:
            found = ', '.join(f"'{blob.name}' has {blob.shape_text}" for blob in bottom)
            raise self.error(
                f'needs regions (R, 5), R losses of classes and of boxes, R labels, and weights '
                f'(R, ...): {found}'
            )
        top[0].reshape(*labels.shape)
        top[1].reshape(*weights.shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.box_annotator_ohem_param
        rois, cls, box, labels, weights = (blob.values.array() for blob in bottom)
        images = rois.reshape(-1, 5)[:, 0].astype(int)
        loss = cls.reshape(-1) + box.reshape(-1)
        hardest = np.argsort(-loss, kind='stable')
        kept = np.zeros(len(images), bool)
        for image in np.unique(images):
            of_image = hardest[images[hardest] == image]
            kept[of_image[: p.roi_per_img]] = True
        top[0].data.reshape(-1)[...] = np.where(kept, labels.reshape(-1), p.ignore_label)
        top[1].data[...] = weights
        top[1].data[~kept] = 0

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.refuse_gradient(propagate_down)
