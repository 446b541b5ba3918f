"""SSD's images with objects: distorted, put on a larger canvas, sampled, then transformed."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ...proto.caffe_pb2 import BatchSampler, ResizeParameter, TransformationParameter
from ..errors import DataError
from ..rng import Rng, make_rng
from .annotations import (
    BOX,
    check_sampler,
    drawn_window,
    meets,
    objects_of,
    parse_annotated,
    within,
)
from .databases import datum_name, datum_to_array
from .distortion import check_distortion, distorted
from .patch import Patch
from .readers import DatumReader, Image
from .resize_policy import fitted
from .shuffle import draw_seed
from .transform import ANNOTATED, UNUSED, Transformer


class AnnotatedTransformer(Transformer):
    """Transformer for images with objects: distort_param, expand_param and a batch sampler come
    first; boxes follow, and emit_constraint says which are kept."""

    unused = tuple(field for field in UNUSED if field not in ANNOTATED)

    def __init__(
        self, param: TransformationParameter, phase: int, samplers: Sequence[BatchSampler]
    ):
        super().__init__(param, phase)
        self.samplers = samplers
        self.emit = param.emit_constraint if param.HasField('emit_constraint') else None
        check_distortion(param.distort_param)
        if param.HasField('expand_param') and param.expand_param.max_expand_ratio < 1:
            found = param.expand_param.max_expand_ratio
            raise DataError(f'expand_param: max_expand_ratio: found {found:g}, needed: >= 1')
        for one in samplers:
            check_sampler(one.sampler)

    def annotated(
        self, pixels: np.ndarray, objects: np.ndarray, rng: Rng, name: str
    ) -> tuple[Patch, np.ndarray]:
        """The patch, and the objects in it."""
        if self.param.HasField('distort_param'):
            pixels = distorted(pixels, self.param.distort_param, rng, name)
        if self.param.HasField('expand_param'):
            pixels, objects = self.expanded(pixels, objects, rng, name)
        if self.samplers:
            pixels, objects = self.sampled(pixels, objects, rng)
        draws = self.draw(rng)
        before = pixels.shape
        pixels = self.prepared(pixels, draws, name)
        if self.param.HasField('resize_param') and pixels.shape != before:
            objects = self.resized(objects, before[1], before[2])
        _, rows, columns = self._window(pixels.shape, draws, name)
        height, width = pixels.shape[1:]
        start = np.array([columns.start or 0, rows.start or 0])
        stop = np.array([columns.stop or width, rows.stop or height])
        window = np.concatenate([start, stop]) / np.tile([width, height], 2)
        objects = within(objects, window, self.emit)
        if self.mirrors(draws):
            left, right = BOX.start, BOX.start + 2
            objects[:, [left, right]] = 1 - objects[:, [right, left]]
        return self.cut(pixels, draws, name), objects

    def expanded(
        self, pixels: np.ndarray, objects: np.ndarray, rng: Rng, name: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """The image at a random place of a larger one, which is the mean elsewhere."""
        p = self.param.expand_param
        chance, amount, *place = rng.random(4)
        if chance > p.prob or p.max_expand_ratio - 1 < 1e-2:
            return pixels, objects
        ratio = 1 + (p.max_expand_ratio - 1) * amount
        channels, *sides = pixels.shape
        extents = (np.array(sides) * ratio).astype(int)
        top, left = np.floor(place * (extents - sides)).astype(int)
        out = np.zeros((channels, *extents), pixels.dtype)
        mean = self.mean_for(out.shape, name)
        if mean is not None:
            out[...] = mean
        out[:, top : top + sides[0], left : left + sides[1]] = pixels
        corners = np.array([-left, -top, extents[1] - left, extents[0] - top])
        window = corners / np.tile(sides[::-1], 2)
        return out, within(objects, window, self.emit)

    def sampled(
        self, pixels: np.ndarray, objects: np.ndarray, rng: Rng
    ) -> tuple[np.ndarray, np.ndarray]:
        """A random one of the windows that the batch sampler takes; the image if there is none."""
        windows = []
        for one in self.samplers:
            if one.use_original_image:
                windows += windows_of(one, objects, rng)
        if not windows:
            return pixels, objects
        window = windows[int(rng.integers(len(windows)))]
        left, top, right, bottom = window * np.tile(pixels.shape[:0:-1], 2)
        wide, tall = max(int(right - left), 1), max(int(bottom - top), 1)
        x, y = int(left), int(top)
        return pixels[:, y : y + tall, x : x + wide], within(objects, window, self.emit)

    def resized(self, objects: np.ndarray, height: int, width: int) -> np.ndarray:
        """The objects of a resized image: padding moves their boxes."""
        p = self.param.resize_param
        if p.resize_mode != ResizeParameter.FIT_LARGE_SIZE_AND_PAD:
            return objects
        tall, wide = fitted(height, width, p)
        before = np.array([(p.width - wide) // 2, (p.height - tall) // 2])
        out = objects.copy()
        inner, outer = np.tile([wide, tall], 2), np.tile([p.width, p.height], 2)
        out[:, BOX] = (objects[:, BOX] * inner + np.tile(before, 2)) / outer
        return out


def windows_of(p: BatchSampler, objects: np.ndarray, rng: Rng) -> list[np.ndarray]:
    """Up to max_sample windows that meet the constraint, of max_trials drawn."""
    found: list[np.ndarray] = []
    for _ in range(p.max_trials):
        if p.HasField('max_sample') and len(found) >= p.max_sample:
            break
        window = drawn_window(p.sampler, rng)
        if meets(window, objects[:, BOX], p.sample_constraint):
            found.append(window)
    return found


class AnnotatedReader(DatumReader):
    """The images of a database of AnnotatedDatum messages; the label of an Image is its objects, or
    the datum's label if it has none and `boxes` does not ask for them."""

    transform: AnnotatedTransformer
    boxes = False

    def __next__(self) -> Callable[[], Image]:
        self.key, value = next(self.pairs)
        return partial(self.annotated, self.key, value, draw_seed(self.rng))

    def annotated(self, key: bytes, value: bytes, seed: int) -> Image:
        name = datum_name(self.source, key)
        record = parse_annotated(value, name)
        pixels = datum_to_array(record.datum, self.transform.color, name)
        objects = objects_of(record)
        patch, objects = self.transform.annotated(pixels, objects, make_rng(seed), name)
        has_boxes = self.boxes or record.HasField('type')
        return patch, objects if has_boxes else record.datum.label, name
