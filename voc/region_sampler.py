"""The regions of a training step: some photographs, and some regions of each, drawn at random."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from ..netlib.data.images import resize
from ..netlib.data.shuffle import draw_seed, order
from ..netlib.errors import DataError
from ..netlib.rng import Rng
from .boxes import mirrored
from .devkit import Photograph
from .targets import FOREGROUND, Examples, mirrored_codes

MEAN = (102.9801, 115.9465, 122.7717)  # of ImageNet's photographs: blue, green, red


@dataclass(frozen=True)
class Sampling:
    """How a training step is drawn; the defaults are Fast R-CNN's.

    images             photographs in a step
    regions_per_image  drawn from each
    foreground         the largest share of regions of objects: with an overlap of 0.5 or more
    background         the others have an overlap from the first number to below the second
    mirror             whether half the photographs are mirrored
    scales             pixels of the short side, one drawn for each photograph
    longest            the most pixels of the long side, whatever the scale
    mean               subtracted from blue, green and red
    """

    images: int = 2
    regions_per_image: int = 64
    foreground: float = 0.25
    background: tuple[float, float] = (0.1, 0.5)
    mirror: bool = True
    scales: tuple[int, ...] = (600,)
    longest: int = 1000
    mean: tuple[float, float, float] = MEAN


def check_sampling(sampling: Sampling) -> None:
    """Raises DataError for values that make no sense."""
    counts = {
        'images': sampling.images,
        'regions_per_image': sampling.regions_per_image,
        'scales': min(sampling.scales),
        'longest': sampling.longest,
    }
    for name, found in counts.items():
        if found < 1:
            raise DataError(f'param_str: {name}: found {found}, needed: 1 or more')
    if not 0 <= sampling.foreground <= 1:
        raise DataError(
            f'param_str: foreground: found {sampling.foreground:g}, needed: a share from 0 to 1'
        )
    least, below = sampling.background
    if not 0 <= least < below <= 1:
        raise DataError(
            f'param_str: background: found {least:g} and {below:g}, needed: 0 <= first < second <= '
            '1'
        )


class Drawn(NamedTuple):
    """What one photograph gives to a step."""

    pixels: np.ndarray  # float32 (3, H, W), the mean subtracted
    boxes: np.ndarray  # (R, 4), in these pixels
    labels: np.ndarray  # (R,)
    codes: np.ndarray  # (R, 4)


class RegionSampler:
    """The photographs one after another, in a new order for each pass, with regions drawn from the
    examples of each. A Reader of netlib.data.prefetch: only `next` draws from `rng`."""

    def __init__(
        self,
        photographs: Sequence[Photograph],
        examples: Sequence[Examples],
        sampling: Sampling,
        rng: Rng,
    ):
        self.photographs = photographs
        self.examples = examples
        self.sampling = sampling
        self.rng = rng
        self.begin_pass(draw_seed(rng))

    def begin_pass(self, seed: int) -> None:
        self.seed = seed
        self.order = order(len(self.photographs), seed)
        self.place = 0

    def __next__(self) -> Callable[[], Drawn]:
        if self.place == len(self.order):
            self.begin_pass(draw_seed(self.rng))
        index = int(self.order[self.place])
        self.place += 1
        scale = int(self.rng.choice(self.sampling.scales))
        mirror = bool(self.rng.integers(2)) and self.sampling.mirror
        chosen, objects = draw(self.examples[index], self.sampling, self.rng)
        return partial(self.drawn, index, chosen, objects, scale, mirror)

    def drawn(
        self, index: int, chosen: np.ndarray, objects: int, scale: int, mirror: bool
    ) -> Drawn:
        """The pixels and regions of a photograph; the first `objects` of those chosen are objects,
        the others background."""
        photograph = self.photographs[index]
        examples = self.examples[index]
        pixels = photograph.pixels()
        boxes = examples.boxes[chosen]
        codes = examples.codes[chosen]
        labels = examples.labels[chosen]
        labels[objects:] = 0
        if mirror:
            pixels = pixels[:, :, ::-1]
            boxes = mirrored(boxes, photograph.width)
            codes = mirrored_codes(codes)
        image, factor = prepared(pixels, scale, self.sampling.longest, self.sampling.mean)
        return Drawn(image, boxes * factor, labels, codes)

    def state(self) -> dict:
        return {'rng': self.rng.bit_generator.state, 'seed': self.seed, 'place': self.place}

    def restore(self, state: dict) -> None:
        self.rng.bit_generator.state = state['rng']
        self.begin_pass(state['seed'])
        self.place = state['place']


def draw(examples: Examples, sampling: Sampling, rng: Rng) -> tuple[np.ndarray, int]:
    """The indices of the regions drawn, those of objects first, and how many these are.

    Fewer than regions_per_image where there are not as many; where there is none at all, one of the
    regions that overlap objects least. Source: Girshick 2015, section 2.3.
    """
    least, below = sampling.background
    overlap = examples.overlap
    objects = np.flatnonzero(overlap >= FOREGROUND)
    others = np.flatnonzero((overlap >= least) & (overlap < below))
    most = round(sampling.foreground * sampling.regions_per_image)
    objects = some(objects, most, rng)
    others = some(others, sampling.regions_per_image - len(objects), rng)
    if not len(objects) and not len(others):
        others = np.array([overlap.argmin()])
    return np.concatenate([objects, others]), len(objects)


def some(indices: np.ndarray, most: int, rng: Rng) -> np.ndarray:
    """At most so many of the indices, at random."""
    return rng.permutation(indices)[:most]


def prepared(
    pixels: np.ndarray, scale: int, longest: int, mean: Sequence[float]
) -> tuple[np.ndarray, float]:
    """An image uint8 (3, H, W) as a Fast R-CNN takes it, and the factor by which it was resized:
    its short side gets `scale` pixels, unless its long side would get more than `longest`."""
    _, height, width = pixels.shape
    factor = min(scale / min(height, width), longest / max(height, width))
    sides = [max(round(side * factor), 1) for side in (height, width)]
    resized = resize(pixels, *sides)
    means = np.array(mean, np.float32).reshape(3, 1, 1)
    return resized - means, factor
