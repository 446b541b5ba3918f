"""A data layer of photographs and regions in them, for training a Fast R-CNN.

layer {
  name: "data" type: "Python"
  top: "data" top: "rois" top: "labels" top: "bbox_targets" top: "bbox_loss_weights"
  python_param {
    module: "goodinit.voc.region_data" layer: "RegionData"
    param_str: '{"data": "VOCdevkit", "regions": "regions"}'
  }
}
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..netlib.data.prefetch import Grouped, Prefetch, read_ahead
from ..netlib.data.shuffle import draw_seed
from ..netlib.errors import DataError
from ..netlib.layers.host.python import PythonLayer, View
from ..netlib.rng import make_rng
from ..netlib.shapes import Shape
from .devkit import YEARS, open_devkit
from .fields import read_fields
from .region_sampler import Drawn, RegionSampler, Sampling, check_sampling
from .regions import open_regions
from .search_all import regions_of_all
from .targets import LABELS, by_label, code_statistics, examples_of

TOPS = 5
PREFETCH = 4  # steps made ahead


@dataclass(frozen=True, kw_only=True)
class Fields(Sampling):
    """Of RegionData's param_str: where the data are, and those of Sampling.

    data     a VOCdevkit
    regions  a folder, .mat or .npz, as regions.open_regions takes it
    split    train, val, trainval or test
    year     of the devkit
    first    take only so many photographs of the split; 0: all
    """

    data: str
    regions: str
    split: str = 'trainval'
    year: int = YEARS[0]
    first: int = 0


class RegionData(PythonLayer):
    """The next photographs of a split of a VOC devkit, in a new order for each pass, and regions
    drawn from each

    top  data       (N, 3, H, W)    pixels minus the mean, zeros where a photograph is smaller
         rois       (R, 5)          image, x1, y1, x2, y2
         labels     (R,)            0: background
         targets    (R, 84)         at the places of the region's label: dx, dy, dw, dh, minus their
                                    mean and over their deviation
         weights    (R, 84)         1 at these places
    param statistics (2, 21, 4)     the mean and the deviation of each label

    param_str is JSON with values of Fields. The statistics are those of the split, or of the
    weights file that is loaded. Processes that train together each draw an order of their own.

    Source: Girshick 2015 (Fast R-CNN), sections 2.3 and 2.4.
    """

    def setup(self, bottom: Sequence[View], top: Sequence[View]) -> None:
        if bottom or len(top) != TOPS:
            raise DataError(
                f'RegionData: found {len(bottom)} bottoms and {len(top)} tops, needed: none and '
                f'{TOPS}'
            )
        fields = checked_fields(self.param_str)
        self.fields = fields
        photographs = open_devkit(fields.data, fields.year).photographs(fields.split)
        photographs = photographs[: fields.first or None]
        found = regions_of_all(photographs, open_regions(fields.regions))
        examples = list(map(examples_of, photographs, found))
        self.blobs.add_statistic(2, LABELS, 4)
        self.blobs[0].data = code_statistics(examples)
        rng = make_rng(draw_seed(self.rng))
        sampler = RegionSampler(photographs, examples, fields, rng)
        self.reader = Grouped(sampler, fields.images)
        self.upcoming: Prefetch | Any = None
        self.place = self.reader.state()
        shape_tops(next(self.reader)(), top)
        self.restore(self.place)

    def reshape(self, bottom: Sequence[View], top: Sequence[View]) -> None:
        pass

    def forward(self, bottom: Sequence[View], top: Sequence[View]) -> None:
        if self.upcoming is None:
            self.upcoming = read_ahead(self.reader, PREFETCH, threads=1)
        try:
            drawn, place = next(self.upcoming)
        except BaseException:
            self.restore(self.place)  # the next forward tries this step again
            raise
        self.place = place
        fill_tops(drawn, self.blobs[0].data, top)

    def shapes_without_data(self) -> list[Shape]:
        fields = checked_fields(self.param_str)
        short = max(fields.scales)
        long = min(fields.longest, 4 * short // 3)
        rows = fields.images * fields.regions_per_image
        per_label = (rows, 4 * LABELS)
        return [(fields.images, 3, short, long), (rows, 5), (rows,), per_label, per_label]

    def backward(self, top: Any, propagate_down: Any, bottom: Any) -> None:
        pass

    def state(self) -> dict[str, Any]:
        """The position after the last forward's step, regardless of how much was read ahead."""
        return self.place

    def restore(self, state: dict[str, Any]) -> None:
        if self.upcoming is not None:
            self.upcoming.close()
            self.upcoming = None
        self.reader.restore(state)
        self.place = state


def checked_fields(text: str) -> Fields:
    """The fields in a param_str. Raises DataError for values that make no sense."""
    fields = read_fields(Fields, text)
    check_sampling(fields)
    if fields.first < 0:
        raise DataError(f'param_str: first: found {fields.first}, needed: 0 or more')
    return fields


def shape_tops(drawn: Sequence[Drawn], top: Sequence[View]) -> None:
    """Shape the tops to fit what the photographs give."""
    images, rois, labels, targets, weights = top
    rows = sum(len(each.labels) for each in drawn)
    heights = [each.pixels.shape[1] for each in drawn]
    widths = [each.pixels.shape[2] for each in drawn]
    images.reshape(len(drawn), 3, max(heights), max(widths))
    rois.reshape(rows, 5)
    labels.reshape(rows)
    targets.reshape(rows, 4 * LABELS)
    weights.reshape(rows, 4 * LABELS)


def fill_tops(drawn: Sequence[Drawn], statistics: np.ndarray, top: Sequence[View]) -> None:
    """Write what the photographs give to the tops."""
    shape_tops(drawn, top)
    images, rois, labels, targets, weights = top
    images.data[...] = 0
    rows = []
    for i, each in enumerate(drawn):
        _, height, width = each.pixels.shape
        images.data[i, :, :height, :width] = each.pixels
        rows.append(np.insert(each.boxes, 0, i, axis=1))
    rois.data[...] = np.concatenate(rows)
    shown = np.concatenate([each.labels for each in drawn])
    mean, deviation = statistics[:, shown]
    codes = np.concatenate([each.codes for each in drawn])
    labels.data[...] = shown
    targets.data[...], weights.data[...] = by_label((codes - mean) / deviation, shown)
