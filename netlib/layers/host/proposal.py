from collections.abc import Sequence

import numpy as np

from ....proto.caffe_pb2 import PriorBoxParameter, ProposalParameter
from ...registry import register
from ...shapes import count
from ..base import Blobs, Flags, Layer
from ..traits import Traits
from .shared.boxes import decode, extents, nms

RATIOS = (0.5, 1.0, 2.0)
SCALES = (8.0, 16.0, 32.0)


@register
class Proposal(Layer):
    """Regions that may hold objects: the anchors of each place, shifted and sized as the net says

    An anchor has its center at (base_size - 1) / 2 + feat_stride times the place, a height to width
    of `ratio` (default 0.5, 1, 2) and a size of base_size times `scale` (default 8, 16, 32); A =
    ratios times scales. Its center moves by (dx, dy) times its size, which grows by exp(dw),
    exp(dh).

    The regions are clipped to the image; those with a side below min_size times the image's scale
    are left out. The pre_nms_topn with the best scores go through non-maximum suppression
    (nms_thresh), and the first post_nms_topn that it keeps are the result.

    bottom  scores  (N, 2 A, H, W)      of the background, then of objects
            shifts  (N, 4 A, H, W)      dx, dy, dw, dh for each anchor
            info    (N, 3)              height, width and scale of each image
    top     rois    (R, 5)              image, x1, y1, x2, y2, the best first
            scores  (R, 1)              optional

    Source: Ren et al. 2015 (Faster R-CNN), section 3.1; py-faster-rcnn's proposal_layer.
    """

    bottoms = 3
    tops = (1, 2)
    no_gradient = (0, 1, 2)
    traits = Traits(answers=True, indices=(2,))

    @property
    def fields(self) -> ProposalParameter:
        return self.param.proposal_param

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.fields
        for field in ('feat_stride', 'base_size', 'pre_nms_topn', 'post_nms_topn'):
            if not getattr(p, field):
                raise self.error(f'{field} must be > 0')
        ratios = list(p.ratio) or RATIOS
        scales = list(p.scale) or SCALES
        if not all(value > 0 for value in (*ratios, *scales)):
            raise self.error('ratio and scale must be positive numbers')
        self.anchors = anchors(p.base_size, ratios, scales)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        scores, shifts, info = bottom
        A = len(self.anchors)
        images, *places = scores.shape if scores.axes == 4 else (0,)
        wanted = [(images, 2 * A, *places[1:]), (images, 4 * A, *places[1:])]
        fits = [scores.shape, shifts.shape] == wanted
        if not fits or info.shape[:1] != (images,) or count(info.shape, 1) != 3:
            found = ', '.join(f"'{blob.name}' has {blob.shape_text}" for blob in bottom)
            raise self.error(
                f'needs scores (N, {2 * A}, H, W), shifts (N, {4 * A}, H, W) for its {A} anchors '
                f'and (N, 3) about the images: {found}'
            )
        most = min(A * count(places[1:]), self.fields.post_nms_topn)
        self.shape_tops(top, images * most)

    def shape_tops(self, top: Blobs, rows: int) -> None:
        top[0].reshape(rows, 5)
        if len(top) > 1:
            top[1].reshape(rows, 1)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        scores, shifts, info = (blob.values.array() for blob in bottom)
        rows, best = [], []
        for image in range(len(scores)):
            about = info[image].reshape(-1)
            boxes, found = self.propose(scores[image], shifts[image], about)
            rows.append(np.insert(boxes, 0, image, axis=1))
            best.append(found)
        together = np.concatenate(rows)
        self.shape_tops(top, len(together))
        top[0].data[...] = together
        if len(top) > 1:
            top[1].data[...] = np.concatenate(best)[:, None]

    def propose(
        self, scores: np.ndarray, shifts: np.ndarray, info: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The regions (R, 4) of an image and their scores (R,)."""
        p = self.fields
        A = len(self.anchors)
        score = scores[A:].transpose(1, 2, 0).reshape(-1)
        codes = shifts.reshape(A, 4, *shifts.shape[1:]).transpose(2, 3, 0, 1).reshape(-1, 4)
        anchors = extents(self.placed(*scores.shape[1:]))
        boxes = decode(codes, anchors, PriorBoxParameter.CENTER_SIZE)
        height, width, scale = info
        limits = np.array([width, height] * 2) - 1
        boxes = np.clip(boxes, 0, limits)
        sides = boxes[:, 2:] - boxes[:, :2] + 1
        large = np.flatnonzero((sides >= p.min_size * scale).all(1))
        order = large[np.argsort(-score[large], kind='stable')][: p.pre_nms_topn]
        boxes, score = boxes[order], score[order]
        kept = nms(extents(boxes), score, p.nms_thresh)[: p.post_nms_topn]
        return boxes[kept], score[kept]

    def placed(self, height: int, width: int) -> np.ndarray:
        """The anchors (H W A, 4) of each place."""
        stride = self.fields.feat_stride
        y, x = np.mgrid[:height, :width] * stride
        shift = np.stack([x, y, x, y], -1).reshape(-1, 1, 4)
        return (shift + self.anchors).reshape(-1, 4)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.refuse_gradient(propagate_down)


def anchors(base: int, ratios: Sequence[float], scales: Sequence[float]) -> np.ndarray:
    """The boxes (A, 4) around the square from 0 to base - 1, ratio by ratio."""
    center = (base - 1) / 2
    boxes = []
    for ratio in ratios:
        width = np.round(np.sqrt(base * base / ratio))
        height = np.round(width * ratio)
        for scale in scales:
            half = (np.array([width, height]) * scale - 1) / 2
            boxes.append([*(center - half), *(center + half)])
    return np.array(boxes)
