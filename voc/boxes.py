"""Boxes of pixels in an image: rows (x1, y1, x2, y2), both corners inside, counted from 0.

Geometry goes by extents, where the box of one pixel has side 1: (x1, y1, x2 + 1, y2 + 1).
"""

from collections.abc import Iterable

import numpy as np

from ..netlib.layers.host.shared import boxes as geometry
from ..netlib.layers.host.shared.boxes import extents
from ..proto.caffe_pb2 import PriorBoxParameter
from .annotation import Box

CENTER_SIZE = PriorBoxParameter.CENTER_SIZE
PIXEL = np.array([0, 0, 1, 1])  # by which extents end later than boxes


def corners(boxes: Iterable[Box]) -> np.ndarray:
    """The corners (B, 4) of objects, float32."""
    rows = [(box.x1, box.y1, box.x2, box.y2) for box in boxes]
    return np.array(rows, np.float32).reshape(-1, 4)


def overlaps(regions: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The area that each region (R, 4) shares with each box (B, 4), over that of their union: (R,
    B)."""
    shared = np.zeros((len(regions), len(boxes)), np.float32)
    ends = extents(regions)
    for column, box in zip(shared.T, extents(boxes), strict=True):
        column[:] = geometry.overlaps(box, ends)
    return shared


def encode(boxes: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """What moves each region (R, 4) to its box (R, 4): (dx, dy, dw, dh), the way of the center in
    units of the region's sides, and the logarithms of the sides in the same units.

    Source: Girshick et al. 2014 (R-CNN), equations 6 to 9.
    """
    return geometry.encode(extents(boxes), extents(regions), CENTER_SIZE)


def decode(codes: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """The boxes (..., 4) that `encode` gave these codes for. Source: R-CNN, equations 1 to 4."""
    return geometry.decode(codes, extents(regions), CENTER_SIZE) - PIXEL


def clip(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """The boxes (..., 4) without what is outside an image, of at least a pixel."""
    limits = np.array([width - 1, height - 1] * 2)
    inside = np.clip(boxes, 0, limits)
    inside[..., 2:] = np.maximum(inside[..., 2:], inside[..., :2])
    return inside


def mirrored(boxes: np.ndarray, width: int) -> np.ndarray:
    """The boxes (..., 4) in the mirrored image."""
    flipped = boxes.copy()
    flipped[..., 0] = width - 1 - boxes[..., 2]
    flipped[..., 2] = width - 1 - boxes[..., 0]
    return flipped


def suppress(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> np.ndarray:
    """The indices of the boxes (R, 4) that no better one overlaps by more than the threshold, the
    best first."""
    return geometry.nms(extents(boxes), scores, threshold)
