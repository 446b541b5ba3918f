"""The objects in an image, one a row: class, instance, xmin, ymin, xmax, ymax, and difficult.

Boxes are in units of the image's width and height. They follow the image into a window of it.
"""

import numpy as np
from google.protobuf.message import DecodeError

from ...proto.caffe_pb2 import AnnotatedDatum, EmitConstraint, SampleConstraint, Sampler
from ..errors import DataError
from ..rng import Rng

COLUMNS = 7
BOX = slice(2, 6)


def parse_annotated(value: bytes, name: str) -> AnnotatedDatum:
    """The AnnotatedDatum in a database's value. Raises DataError, about `name`."""
    datum = AnnotatedDatum()
    try:
        datum.ParseFromString(value)
    except DecodeError as error:
        raise DataError(f'{name}: not an AnnotatedDatum message ({error})') from error
    if not datum.HasField('datum'):
        raise DataError(
            f'{name}: not an AnnotatedDatum message: it has no datum; a database of plain images '
            'is read by the layer Data'
        )
    return datum


def objects_of(datum: AnnotatedDatum) -> np.ndarray:
    """(G, COLUMNS)"""
    rows = []
    for group in datum.annotation_group:
        for one in group.annotation:
            b = one.bbox
            box = (b.xmin, b.ymin, b.xmax, b.ymax)
            rows.append([group.group_label, one.instance_id, *box, b.difficult])
    return np.array(rows, float).reshape(-1, COLUMNS)


def within(objects: np.ndarray, window: np.ndarray, emit: EmitConstraint | None) -> np.ndarray:
    """The objects that a window (xmin, ymin, xmax, ymax) has a part of, in its units and cut off at
    its edges; with `emit`, only those that meet it."""
    boxes = objects[:, BOX]
    keeps = np.ones(len(boxes), bool) if emit is None else emitted(boxes, window, emit)
    sides = window[2:] - window[:2]
    moved = (boxes - np.tile(window[:2], 2)) / np.tile(sides, 2)
    moved = np.clip(moved, 0, 1)
    keeps &= (moved[:, 2:] > moved[:, :2]).all(1)
    found = objects[keeps]
    found[:, BOX] = moved[keeps]
    return found


def emitted(boxes: np.ndarray, window: np.ndarray, emit: EmitConstraint) -> np.ndarray:
    """CENTER: whose center is in the window. MIN_OVERLAP: of whose area more than emit_overlap
    is."""
    if emit.emit_type == EmitConstraint.MIN_OVERLAP:
        return coverage(boxes, window) > emit.emit_overlap
    center = (boxes[:, :2] + boxes[:, 2:]) / 2
    return ((center >= window[:2]) & (center <= window[2:])).all(1)


def area(boxes: np.ndarray) -> np.ndarray:
    return np.maximum(boxes[..., 2:] - boxes[..., :2], 0).prod(-1)


def shared_area(boxes: np.ndarray, window: np.ndarray) -> np.ndarray:
    least = np.maximum(boxes[:, :2], window[:2])
    most = np.minimum(boxes[:, 2:], window[2:])
    return np.maximum(most - least, 0).prod(1)


def coverage(boxes: np.ndarray, window: np.ndarray) -> np.ndarray:
    """The part of each box that is in the window."""
    return shared_area(boxes, window) / np.maximum(area(boxes), 1e-12)


# -- SSD's batch sampler


def check_sampler(p: Sampler) -> None:
    """Raises DataError for ranges that hold no window."""
    scales = 0 < p.min_scale <= p.max_scale <= 1
    if not scales or not 0 < p.min_aspect_ratio <= p.max_aspect_ratio < np.inf:
        raise DataError(
            f'sampler: found scales {p.min_scale:g} to {p.max_scale:g} and aspect ratios '
            f'{p.min_aspect_ratio:g} to {p.max_aspect_ratio:g}, needed: 0 < min_scale <= '
            'max_scale <= 1 and 0 < min_aspect_ratio <= max_aspect_ratio'
        )


def drawn_window(p: Sampler, rng: Rng) -> np.ndarray:
    """A window of the image, whose sides are scale sqrt(aspect) and scale / sqrt(aspect)."""
    scale_at, aspect_at, *place = rng.random(4)
    scale = p.min_scale + (p.max_scale - p.min_scale) * scale_at
    aspect = p.min_aspect_ratio + (p.max_aspect_ratio - p.min_aspect_ratio) * aspect_at
    aspect = np.clip(aspect, scale**2, 1 / scale**2)
    sides = np.minimum([scale * aspect**0.5, scale / aspect**0.5], 1)
    start = np.array(place) * (1 - sides)
    return np.concatenate([start, start + sides])


def meets(window: np.ndarray, boxes: np.ndarray, p: SampleConstraint) -> bool:
    """Whether there is an object that meets all limits; True if there are no limits."""
    shared = shared_area(boxes, window)
    union = area(window) + area(boxes) - shared
    values = {
        'jaccard_overlap': shared / np.maximum(union, 1e-12),
        'sample_coverage': shared / max(area(window), 1e-12),
        'object_coverage': coverage(boxes, window),
    }
    if not p.ListFields():
        return True
    fits = np.ones(len(boxes), bool)
    for kind, value in values.items():
        if p.HasField(f'min_{kind}'):  # type: ignore[arg-type]
            fits &= value >= getattr(p, f'min_{kind}')
        if p.HasField(f'max_{kind}'):  # type: ignore[arg-type]
            fits &= value <= getattr(p, f'max_{kind}')
    return bool(fits.any())
