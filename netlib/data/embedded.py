"""Samples for users without data: scikit-learn's digits and photographs.

They are read from its files, since importing it takes longer than converting a net.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..rng import Rng, make_rng
from ..shapes import Shape, dimensions
from .images import resize
from .samples import Mean, Samples
from .stores import Arrays, Store

PHOTOGRAPHS = ('china.jpg', 'flower.jpg')
CROPS = 10_000


def open_embedded(shape: Shape, rng: Rng, *, mean: Mean = None, scale: float = 1.0) -> Samples:
    """The embedded samples for a net's input `shape` (C, H, W), with values from 0 to 255 before
    mean and scale.

    For one channel: the 1797 handwritten digits of 8 x 8, with labels. For three: random crops of
    two photographs, in blue, green, red. Raises DataError for any other number of channels.
    """
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise DataError(
            f'the embedded samples are images of 1 or 3 channels, the net needs '
            f'{dimensions(shape)}: pass your own data'
        )
    channels, height, width = shape
    store: Store = _digits() if channels == 1 else Crops(height, width, rng)
    return Samples(store, shape, rng, mean=mean, scale=scale)


def _digits() -> Arrays:
    table = np.loadtxt(sample_file('data/digits.csv.gz'), delimiter=',')
    images, labels = table[:, :-1], table[:, -1]
    levels = np.rint(images * (255 / 16))
    pixels = levels.astype(np.uint8).reshape(-1, 1, 8, 8)
    return Arrays("scikit-learn's digits", pixels, labels.astype(int))


def sample_file(name: str) -> Path:
    """A file of scikit-learn's data sets. Raises DataError where it is not installed whole."""
    spec = find_spec('sklearn')
    path = Path(spec.origin or '').parent / 'datasets' / name if spec else None
    if path is None or not path.is_file():
        raise DataError(f'no samples: scikit-learn has no file datasets/{name}; pass your own data')
    return path


def photograph(name: str) -> np.ndarray:
    """One of scikit-learn's, (height, width, 3) in red, green, blue."""
    from PIL import Image

    with Image.open(sample_file(f'images/{name}')) as image:
        return np.asarray(image)


class Crops:
    """Windows with the aspect height : width, at random places in random photographs, resized to
    height x width.

    Their sizes are random, from a quarter of the largest possible size up to that size. No labels.
    """

    def __init__(self, height: int, width: int, rng: Rng):
        self.photographs = []
        for name in PHOTOGRAPHS:
            blue_green_red = photograph(name)[:, :, ::-1]
            self.photographs.append(blue_green_red.transpose(2, 0, 1))
        self.size = (height, width)
        self.seed = int(rng.integers(2**32))
        self.describe = "random crops of scikit-learn's two photographs"

    def __len__(self) -> int:
        return CROPS

    def suit(self, shape: tuple[int, ...]) -> None:
        pass

    def name(self, index: int) -> str:
        return f'crop {index}'

    def __getitem__(self, index: int) -> tuple[np.ndarray, None]:
        """Crop number `index`, which depends only on the seed and the index."""
        rng = make_rng((self.seed, index))
        photograph = self.photographs[rng.integers(len(self.photographs))]
        limit = np.array(photograph.shape[1:])
        largest = np.array(self.size) * min(limit / self.size)
        window = np.rint(largest * rng.uniform(0.25, 1))
        height, width = np.clip(window.astype(int), 1, limit)
        top, left = rng.integers(limit - (height, width) + 1)
        rows = photograph[:, top : top + height]
        crop = rows[:, :, left : left + width]
        return resize(crop, *self.size), None
