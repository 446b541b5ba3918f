"""A data layer of photographs and the classes that they show."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..netlib.data.prefetch import Grouped, Prefetch, read_ahead
from ..netlib.data.shuffle import draw_seed, order
from ..netlib.errors import DataError
from ..netlib.layers.host.python import PythonLayer, View
from ..netlib.rng import Rng, make_rng
from ..netlib.shapes import Shape
from ..proto.caffe_pb2 import TRAIN
from .classes import CLASSES
from .devkit import YEARS, Photograph, open_devkit
from .fields import read_fields
from .labels import DIFFICULT, labels_of
from .windows import center_window, cut_windows, random_window

PREFETCH = 4  # batches made ahead

Example = tuple[np.ndarray, np.ndarray]  # pixels, uint8 (3, crop, crop); labels (20,)


@dataclass(frozen=True)
class Fields:
    """Of ClassificationData's param_str."""

    data: str
    split: str = 'trainval'
    year: int = YEARS[0]
    batch_size: int = 10
    crop_size: int = 227
    scales: tuple[float, float] = (0.5, 2.0)
    mean: tuple[float, float, float] = (104.0, 117.0, 123.0)
    difficult: str = 'ignore'


class ClassificationReader:
    """Photographs in an order that is drawn anew for each pass, each with a window, random in the
    phase TRAIN; in TEST in the order of the list, with the central square. Only the reader draws
    from `rng`."""

    def __init__(self, photographs: Sequence[Photograph], fields: Fields, phase: int, rng: Rng):
        self.photographs = photographs
        self.labels = labels_of(photographs, fields.difficult)
        self.fields = fields
        self.is_random = phase == TRAIN
        self.rng = rng
        self.item = 0
        self.begin_pass(draw_seed(rng))

    def begin_pass(self, seed: int) -> None:
        self.seed = seed
        self.order = order(len(self.photographs), seed if self.is_random else None)

    def __next__(self) -> Callable[[], Example]:
        if self.item >= len(self.photographs):
            self.item = 0
            self.begin_pass(draw_seed(self.rng))
        index = int(self.order[self.item])
        self.item += 1
        return partial(self.example, index, self.rng.random(4))

    def example(self, index: int, draws: np.ndarray) -> Example:
        photograph = self.photographs[index]
        width, height = photograph.width, photograph.height
        crop = self.fields.crop_size
        if self.is_random:
            window = random_window(width, height, crop, self.fields.scales, draws)
        else:
            window = center_window(width, height, min(width, height))
        [pixels] = cut_windows(photograph.path, [window], crop)
        return pixels, self.labels[index]

    def state(self) -> dict:
        return {'rng': self.rng.bit_generator.state, 'seed': self.seed, 'item': self.item}

    def restore(self, state: dict) -> None:
        self.rng.bit_generator.state = state['rng']
        self.item = state['item']
        self.begin_pass(state['seed'])


class ClassificationData(PythonLayer):
    """Batches of photographs and the classes that they show, of 20.

    top  data   (batch_size, 3, crop_size, crop_size)   pixel - mean: blue, green, red
         label  (batch_size, 20)                        1 there, 0 absent, -1 to be ignored

    Fields of param_str, as JSON, with defaults for all but `data`:

        data        a VOCdevkit; year: 2007; split: "trainval"
        batch_size  10; crop_size: 227
        scales      [0.5, 2]: in TRAIN, a random factor between them rescales the image before a
                    random crop, which is mirrored half of the time. In TEST the largest central
                    square is resized to the crop
        mean        [104, 117, 123]
        difficult   what a class is of which there are only difficult objects: "ignore", "present"
                    or "absent". To ignore is a matter of the loss: loss_param { ignore_label: -1 }

    Processes that train together each draw an order of their own.

    Source: Krähenbühl et al., Data-dependent Initializations of Convolutional Neural Networks,
    2016, section 4, and the code published with it.
    """

    def setup(self, bottom: Sequence[View], top: Sequence[View]) -> None:
        if len(top) != 2:
            raise DataError(f'found {len(top)} tops, needed: 2, for images and labels')
        self.fields = read_fields(Fields, self.param_str)
        check_fields(self.fields)
        fields = self.fields
        photographs = open_devkit(fields.data, fields.year).photographs(fields.split)
        rng = make_rng(draw_seed(self.rng))
        reader = ClassificationReader(photographs, fields, self.phase, rng)
        self.reader = Grouped(reader, fields.batch_size)
        self.upcoming: Prefetch | Any = None
        self.place = self.reader.state()
        for blob, shape in zip(top, self.shapes_without_data(), strict=True):
            blob.reshape(*shape)

    def reshape(self, bottom: Sequence[View], top: Sequence[View]) -> None:
        pass

    def forward(self, bottom: Sequence[View], top: Sequence[View]) -> None:
        if self.upcoming is None:
            self.upcoming = read_ahead(self.reader, PREFETCH, threads=1)
        try:
            examples, place = next(self.upcoming)
        except BaseException:
            self.restore(self.place)  # the next forward tries this batch again
            raise
        self.place = place
        mean = np.array(self.fields.mean, np.float32)[:, None, None]
        for i, (pixels, labels) in enumerate(examples):
            top[0].data[i] = pixels - mean
            top[1].data[i] = labels

    def shapes_without_data(self) -> list[Shape]:
        fields = read_fields(Fields, self.param_str)
        check_fields(fields)
        images, crop = fields.batch_size, fields.crop_size
        return [(images, 3, crop, crop), (images, len(CLASSES))]

    def backward(self, top: Sequence[View], propagate_down: Any, bottom: Sequence[View]) -> None:
        pass

    def state(self) -> dict[str, Any]:
        """The position after the last forward's batch."""
        return self.place

    def restore(self, state: dict[str, Any]) -> None:
        if self.upcoming is not None:
            self.upcoming.close()
            self.upcoming = None
        self.reader.restore(state)
        self.place = state


def check_fields(fields: Fields) -> None:
    """Raises DataError for values that make no sense."""
    for name in ('batch_size', 'crop_size'):
        found = getattr(fields, name)
        if found < 1:
            raise DataError(f'param_str: {name}: found {found}, needed: 1 or more')
    least, most = fields.scales
    if not 0 < least <= most < np.inf:
        raise DataError(
            f'param_str: scales: found {least:g} and {most:g}, needed: 0 < first <= second'
        )
    if fields.difficult not in DIFFICULT:
        names = ', '.join(DIFFICULT)
        raise DataError(f"param_str: difficult: found '{fields.difficult}', needed: one of {names}")
