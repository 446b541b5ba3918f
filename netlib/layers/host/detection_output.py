import numpy as np

from ...registry import register
from ...shapes import count
from ..base import Layer
from .shared.boxes import decode, nms


@register
class DetectionOutput(Layer):
    """What is detected in each image: boxes decoded from their codes, without those that repeat a
    better one

    In each class but background_label_id the boxes whose confidence is above confidence_threshold
    go through non-maximum suppression (nms_param); then each image keeps its best keep_top_k (-1:
    all). Decoding follows code_type; codes are multiplied by the priors' variances unless
    variance_encoded_in_target.

    bottom  loc     (N, 4 P L)      the codes of P boxes, for each of L = num_classes, or 1 with share_location
            conf    (N, P classes)  the confidences
            priors  (1, 2, 4 P)     as PriorBox makes them
            data    optional, and not read: the images
    top     y       (1, 1, K, 7)    image, class, confidence, xmin, ymin, xmax, ymax of each, by image, class and
                                    confidence; where nothing is found (1, 1, N, 7), the image and six times -1

    Source: Liu et al. 2016 (SSD), sections 2.2 and 3.7; SSD's detection_output_layer.
    """

    bottoms = (3, 4)

    def setup(self, bottom, top):
        p = self.param.detection_output_param
        if not p.num_classes:
            raise self.error('Must specify num_classes')
        if p.nms_param.nms_threshold < 0:
            raise self.error(
                f'nms_threshold must be non negative: found {p.nms_param.nms_threshold:g}'
            )
        if not 0 < p.nms_param.eta <= 1:
            raise self.error(
                f'eta: found {p.nms_param.eta:g}, needed a number above 0 and at most 1'
            )
        if p.visualize:
            raise self.error(
                'visualize: drawing is not done here: leave it out, and draw the boxes of the top'
            )
        # With a label map alone, as in the published deploy files, SSD's layer writes nothing
        # either.
        if p.save_output_param.output_directory:
            raise self.error(
                'save_output_param: writing files is not done here: leave it out, and write the rows of '
                'the top'
            )

    def reshape(self, bottom, top):
        p, (loc, conf, priors) = self.param.detection_output_param, bottom[:3]
        self.places = 1 if p.share_location else p.num_classes
        if priors.axes < 3 or priors.shape[1] != 2 or priors.shape[2] % 4:
            raise self.error(f"priors must be (1, 2, 4 P): '{priors.name}' has {priors.shape_text}")
        self.priors = priors.shape[2] // 4
        if loc.shape[:1] != conf.shape[:1]:
            raise self.error(
                f"'{loc.name}' {loc.shape_text} and '{conf.name}' {conf.shape_text} must be of as many "
                'images'
            )
        for blob, each, what in (
            (loc, 4 * self.places, 'location'),
            (conf, p.num_classes, 'confidence'),
        ):
            if count(blob.shape, 1) != self.priors * each:
                raise self.error(
                    f'Number of priors must match number of {what} predictions: {self.priors} priors need '
                    f"{self.priors * each}, '{blob.name}' has {blob.shape_text}"
                )
        top[0].reshape(1, 1, 1, 7)

    def forward(self, bottom, top):
        p, images = self.param.detection_output_param, bottom[0].shape[0]
        loc, conf = (blob.values.array().reshape(images, self.priors, -1) for blob in bottom[:2])
        priors, variances = bottom[2].values.array()[0].reshape(2, self.priors, 1, 4)
        codes = loc.reshape(images, self.priors, self.places, 4)
        boxes = decode(
            codes if p.variance_encoded_in_target else codes * variances, priors, p.code_type
        )
        rows = np.concatenate(
            [self.detect(*parts) for parts in zip(range(images), boxes, conf, strict=True)]
        )
        if not len(rows):
            rows = np.full((images, 7), -1)
            rows[:, 0] = range(images)
        top[0].reshape(1, 1, *rows.shape)
        top[0].data = rows

    def detect(self, image, boxes, conf):
        """The rows of one image, from its boxes (P, L, 4) and their confidences (P, classes)."""
        p = self.param.detection_output_param
        least = p.confidence_threshold if p.HasField('confidence_threshold') else -np.inf
        top_k = p.nms_param.top_k if p.nms_param.HasField('top_k') else -1
        found = [np.empty((0, 7), conf.dtype)]
        for label in range(p.num_classes):
            if label != p.background_label_id:
                chosen = np.flatnonzero(conf[:, label] > least)
                own, scores = boxes[chosen, 0 if p.share_location else label], conf[chosen, label]
                kept = nms(own, scores, p.nms_param.nms_threshold, p.nms_param.eta, top_k)
                found.append(
                    np.column_stack(
                        [np.tile((image, label), (len(kept), 1)), scores[kept], own[kept]]
                    )
                )
        rows = np.concatenate(found)
        if p.keep_top_k < 0:
            return rows
        return rows[np.sort(np.argsort(-rows[:, 2], kind='stable')[: p.keep_top_k])]

    def backward(self, top, propagate_down, bottom):
        self.refuse_gradient(propagate_down)
