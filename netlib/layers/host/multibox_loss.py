from typing import NamedTuple

import numpy as np

from ....proto.caffe_pb2 import MultiBoxLossParameter as Fields
from ...registry import register
from ..base import Blobs, Flags
from ..shared.loss import Loss
from ..traits import Traits
from .shared.boxes import decode, encode
from .shared.errors import data_error
from .shared.multibox import Truth, confidence_loss, mine, read_truth, targets
from .shared.priors import UNMATCHED, check_predictions, count_priors, match


class Image(NamedTuple):
    """An image's predictions and what is true in it; P priors, L places."""

    loc: np.ndarray  # (P, L, 4) codes
    boxes: np.ndarray  # (P, L, 4) what the codes say
    conf: np.ndarray  # (P, classes)
    truth: Truth


@register
class MultiBoxLoss(Loss):
    """L = (loc_weight sum f(loc - target) + sum of the confidences' losses) / normalizer

    Each true box is matched with the prior that overlaps it most, and (match_type PER_PREDICTION)
    each other prior with the true box that it overlaps by overlap_threshold or more. A matched
    prior's target is the code of its true box (code_type) over the prior's variances; with
    encode_variance_in_target, loc is divided by them too. f is smooth L1 (d^2 / 2 where |d| < 1,
    else |d| - 1/2) or L2 (d^2 / 2). Confidences go through softmax with the true class, or through
    the sigmoid of each class (LOGISTIC).

    Priors that count for the confidences (mining_type): MAX_NEGATIVE, those matched, and in each
    image up to neg_pos_ratio times as many others with the greatest loss, whose overlap is below
    neg_overlap, as background; HARD_EXAMPLE, the sample_size with the greatest loss of both kinds;
    NONE, all. nms_param first leaves out near-duplicates of priors with a greater loss. With
    mining, images without true boxes do not count. The normalizer counts matches (VALID), images
    (BATCH_SIZE), priors (FULL) or nothing (NONE).

    bottom  loc     (N, 4 P L)      codes of P priors, for each of L = num_classes classes, or for
                                    all together (L = 1) with share_location
            conf    (N, P classes)  scores, before softmax or sigmoid
            priors  (1, 2, 4 P)     boxes and variances, from PriorBox
            truth   (1, 1, G, 8)    image (-1: none), class, instance, xmin, ymin, xmax, ymax,
                                    difficult
    top     L       ()

    A false in propagate_down for loc or conf leaves its part out of L. The gradient is that of L;
    SSD's lacks the division by the variances with encode_variance_in_target. Source: Liu et al.
    2016 (SSD), section 2.2; SSD's multibox_loss_layer.
    """

    bottoms = 4
    traits = Traits()
    no_gradient = (2, 3)

    @property
    def fields(self) -> Fields:
        return self.param.multibox_loss_param

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        self.check_fields(self.fields)
        self.counts = list(self.param.propagate_down)[:2] or [True, True]
        self.mode = self.normalization(self.param.loss_param.VALID)
        self.places = 1 if self.fields.share_location else self.fields.num_classes

    def check_fields(self, p: Fields) -> None:
        """Raises LayerError for fields that contradict each other or have no meaning."""
        if p.background_label_id >= p.num_classes:
            raise self.error(
                f'num_classes: found {p.num_classes}, needed: the number of classes with '
                f'background_label_id ({p.background_label_id})'
            )
        mines = p.mining_type != p.NONE
        if p.HasField('do_neg_mining') and p.do_neg_mining != mines:
            raise self.error(
                'do_neg_mining is the older field for mining_type, and contradicts it: remove '
                'do_neg_mining; mining_type: NONE means false, MAX_NEGATIVE true'
            )
        if mines and not p.share_location:
            raise self.error('mining_type needs share_location: true; without it set NONE')
        if p.map_object_to_agnostic and p.num_classes != 2:
            raise self.error(f'map_object_to_agnostic needs num_classes: 2, found {p.num_classes}')
        field, value = 'neg_pos_ratio', p.neg_pos_ratio
        if p.mining_type == p.HARD_EXAMPLE:
            field, value = 'sample_size', p.sample_size
        if mines and not value > 0:
            raise self.error(f'{field}: found {value:g}, needed: a positive number')

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        loc, conf, priors, truth = bottom
        self.same_batch(bottom)
        self.priors = count_priors(self, priors)
        check_predictions(self, self.priors, 4 * self.places, loc, 'location')
        check_predictions(self, self.priors, self.fields.num_classes, conf, 'confidence')
        if not truth.axes or truth.shape[-1] != 8:
            raise self.error(
                f"true boxes must be (1, 1, G, 8): '{truth.name}' has {truth.shape_text}"
            )
        top[0].reshape()

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        p = self.fields
        arrays = [blob.values.array() for blob in bottom]
        images = len(arrays[0])
        loc = arrays[0].reshape(images, self.priors, self.places, 4)
        conf = arrays[1].reshape(images, self.priors, p.num_classes)
        self.read_priors(arrays[2])
        truth = read_truth(self, bottom[3].name, arrays[3].reshape(-1, 8), images)
        variances = 1 if p.encode_variance_in_target else self.variances
        boxes = decode(loc * variances, self.boxes, p.code_type)
        self.slopes = np.zeros_like(loc), np.zeros_like(conf)
        self.matches, loss = 0, 0.0
        for i in range(images):
            image = Image(loc[i], boxes[i], conf[i], truth[i])
            loss += self.image_loss(image, self.slopes[0][i], self.slopes[1][i])
        self.divisor = self.normalizer(self.mode, images, self.priors, lambda: self.matches)
        top[0].data = loss / self.divisor

    def read_priors(self, priors: np.ndarray) -> None:
        self.boxes, self.variances = priors[0].reshape(2, self.priors, 1, 4)
        sides = self.boxes[..., 2:] - self.boxes[..., :2]
        if not (self.variances > 0).all() or not (sides > 0).all():
            raise data_error(self, 'priors must have positive widths, heights and variances')

    def image_loss(self, image: Image, d_loc: np.ndarray, d_conf: np.ndarray) -> float:
        """The loss of an image, before it is normalized; its slopes are written to the diffs."""
        p = self.fields
        found, overlap = self.match(image)
        of_loc, loc_slopes = self.location_loss(image, found)
        target = self.targets(image.truth, found)
        of_conf, conf_slopes = confidence_loss(p, image.conf, target)
        counts = np.full(self.priors, p.mining_type == p.NONE)
        if p.mining_type != p.NONE and len(image.truth.boxes):
            total = of_conf + of_loc[:, 0] * (p.mining_type == p.HARD_EXAMPLE)
            boxes = self.boxes if p.use_prior_for_nms else image.boxes
            counts = mine(p, found[:, 0], overlap[:, 0], total, boxes[:, 0])
        matched = (found >= 0) & counts[:, None]
        self.matches += int(matched.sum())
        d_conf[counts] = conf_slopes[counts]
        d_loc[matched] = p.loc_weight * loc_slopes[matched]
        loc_part = p.loc_weight * of_loc[matched].sum() * self.counts[0]
        return float(loc_part + of_conf[counts].sum() * self.counts[1])

    def match(self, image: Image) -> tuple[np.ndarray, np.ndarray]:
        """The index of the true box of each prior and place, and the overlaps: (P, L) each."""
        p, truth = self.fields, image.truth
        found = np.full((self.priors, self.places), UNMATCHED)
        overlap = np.zeros(found.shape, image.loc.dtype)
        threshold = p.overlap_threshold if p.match_type == p.PER_PREDICTION else None
        inside = p.ignore_cross_boundary_bbox
        if p.use_prior_for_matching and len(truth.boxes):
            best, most = match(self.boxes[:, 0], truth.boxes, threshold, inside)
            own = truth.labels[best][:, None] == np.arange(self.places)
            own = (own & (best >= 0)[:, None]) | p.share_location
            found = np.where(own, best[:, None], UNMATCHED)
            overlap[...] = most[:, None]
            return found, overlap
        for place in range(self.places):
            own = np.flatnonzero((truth.labels == place) | p.share_location)
            if len(own):
                boxes = image.boxes[:, place]
                best, overlap[:, place] = match(boxes, truth.boxes[own], threshold, inside)
                found[:, place] = np.where(best < 0, best, own[best])
        return found, overlap

    def targets(self, truth: Truth, found: np.ndarray) -> np.ndarray:
        """The target (P, classes) of each confidence."""
        p = self.fields
        prior, place = np.nonzero(found >= 0)
        label = truth.labels[found[prior, place]]
        if p.map_object_to_agnostic:
            label = np.full_like(label, p.background_label_id + 1)
        return targets(p, self.priors, prior, label)

    def location_loss(self, image: Image, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The loss (P, L) of each matched code and its slopes (P, L, 4); 0 for the others."""
        p = self.fields
        matched = found >= 0
        prior, _ = np.nonzero(matched)
        boxes = self.boxes[prior, 0]
        target = encode(image.truth.boxes[found[matched]], boxes, p.code_type)
        divisor = self.variances[prior, 0] if p.encode_variance_in_target else np.ones_like(boxes)
        d = image.loc[matched] / divisor - target / self.variances[prior, 0]
        if p.bp_inside:
            where = boxes if p.use_prior_for_matching else image.boxes[matched]
            d[(where < 0) | (where > 1)] = 0
        slope = d if p.loc_loss_type == p.L2 else np.clip(d, -1, 1)
        loss = np.zeros(found.shape, d.dtype)
        slopes = np.zeros_like(image.loc)
        loss[matched] = (slope * (d - slope / 2)).sum(1)
        slopes[matched] = slope / divisor
        return loss, slopes

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.refuse_gradient(propagate_down[2:])
        weight = self.loss_weight(top) / self.divisor
        for blob, slope, wanted in zip(bottom, self.slopes, propagate_down, strict=False):
            if wanted:
                blob.diff = (weight * slope).reshape(blob.shape)
