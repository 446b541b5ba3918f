import numpy as np

from ....proto.caffe_pb2 import DetectionOutputParameter
from ...registry import register
from ..base import Blobs, Flags, Layer
from .shared.boxes import decode, nms
from .shared.priors import check_predictions, count_priors


@register
class DetectionOutput(Layer):
    """The objects detected in each image: boxes decoded from their codes, without near-duplicates

    In each class except background_label_id, the boxes whose confidence is above
    confidence_threshold go through non-maximum suppression (nms_param). Each image then keeps its
    best keep_top_k (-1: all). Decoding follows code_type; codes are multiplied by the priors'
    variances unless variance_encoded_in_target. With OpenCV's clip, boxes end at the image's edges.

    bottom  loc     (N, 4 P L)      codes of P boxes, for each of L = num_classes classes, or for
                                    all classes together (L = 1) with share_location
            conf    (N, P classes)  the confidences
            priors  (1, 2, 4 P)     from PriorBox
            data    optional, and not read: the images
    top     y       (1, 1, K, 7)    for each detection: image, class, confidence, xmin, ymin, xmax,
                                    ymax, sorted by image, class and confidence; if there are no
                                    detections, (1, 1, N, 7): for each image, its index and six -1

    Source: Liu et al. 2016 (SSD), sections 2.2 and 3.7; SSD's detection_output_layer; OpenCV's dnn
    for clip.
    """

    bottoms = (3, 4)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.detection_output_param
        nms_param = p.nms_param
        if not p.num_classes:
            raise self.error('Must specify num_classes')
        if nms_param.nms_threshold < 0:
            raise self.error(
                f'nms_threshold must be non negative: found {nms_param.nms_threshold:g}'
            )
        if not 0 < nms_param.eta <= 1:
            raise self.error(f'eta: found {nms_param.eta:g}, needed a number above 0 and at most 1')
        self.check_output(p)

    def check_output(self, p: DetectionOutputParameter) -> None:
        """Raises LayerError for fields that make SSD's layer draw or write files."""
        if p.visualize:
            raise self.error(
                'visualize: drawing is not supported; remove it, and draw the boxes in the top'
            )
        # With a label map alone, as in the published deploy files, SSD's layer writes nothing
        # either.
        if p.save_output_param.output_directory:
            raise self.error(
                'save_output_param: writing files is not supported; remove it, and write the '
                'rows of the top'
            )

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.detection_output_param
        loc, conf, priors = bottom[:3]
        self.places = 1 if p.share_location else p.num_classes
        self.priors = count_priors(self, priors)
        if loc.shape[:1] != conf.shape[:1]:
            raise self.error(
                f"'{loc.name}' {loc.shape_text} and '{conf.name}' {conf.shape_text} must be "
                'for the same number of images'
            )
        check_predictions(self, self.priors, 4 * self.places, loc, 'location')
        check_predictions(self, self.priors, p.num_classes, conf, 'confidence')
        top[0].reshape(1, 1, 1, 7)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.detection_output_param
        images = bottom[0].shape[0]
        loc, conf, priors = (blob.values.array() for blob in bottom[:3])
        codes = loc.reshape(images, self.priors, self.places, 4)
        conf = conf.reshape(images, self.priors, -1)
        priors, variances = priors[0].reshape(2, self.priors, 1, 4)
        if not p.variance_encoded_in_target:
            codes = codes * variances
        boxes = decode(codes, priors, p.code_type)
        if p.clip:
            boxes = boxes.clip(0, 1)
        found = [self.detect(i, boxes[i], conf[i]) for i in range(images)]
        rows = np.concatenate(found)
        if not len(rows):
            rows = np.full((images, 7), -1)
            rows[:, 0] = range(images)
        top[0].reshape(1, 1, *rows.shape)
        top[0].data = rows

    def detect(self, image: int, boxes: np.ndarray, conf: np.ndarray) -> np.ndarray:
        """The output rows of one image, from its boxes (P, L, 4) and confidences (P, classes)."""
        p = self.param.detection_output_param
        found = [np.empty((0, 7), conf.dtype)]
        for label in range(p.num_classes):
            if label != p.background_label_id:
                own = boxes[:, 0 if p.share_location else label]
                kept = self.suppress(own, conf[:, label])
                labels = np.tile((image, label), (len(kept), 1))
                columns = [labels, conf[kept, label], own[kept]]
                found.append(np.column_stack(columns))
        rows = np.concatenate(found)
        if p.keep_top_k < 0:
            return rows
        order = np.argsort(-rows[:, 2], kind='stable')
        best = np.sort(order[: p.keep_top_k])
        return rows[best]

    def suppress(self, boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """The indices of the boxes of one class that are kept."""
        p = self.param.detection_output_param
        nms_param = p.nms_param
        least = p.confidence_threshold if p.HasField('confidence_threshold') else -np.inf
        top_k = nms_param.top_k if nms_param.HasField('top_k') else -1
        chosen = np.flatnonzero(scores > least)
        kept = nms(boxes[chosen], scores[chosen], nms_param.nms_threshold, nms_param.eta, top_k)
        return chosen[kept]

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.refuse_gradient(propagate_down)
