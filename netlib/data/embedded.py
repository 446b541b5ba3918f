"""Samples that need no file of the user's: scikit-learn's digits and photographs."""

import numpy as np

from ..errors import DataError
from .images import resize
from .samples import Mean, Samples, Store
from .sources import Arrays
from .transform import dimensions

PHOTOGRAPHS = ('china.jpg', 'flower.jpg')
CROPS = 10_000


def open_embedded(
    shape: tuple[int, ...], rng: np.random.Generator, *, mean: Mean = None, scale: float = 1.0
) -> Samples:
    """The embedded samples for a net's input `shape` (C, H, W), of values 0 to 255 before mean and
    scale.

    One channel: the 1797 handwritten digits of 8 x 8, with labels. Three: random crops of two
    photographs, blue, green, red. DataError for any other number of channels.
    """
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise DataError(
            f'the embedded samples have 1 or 3 channels, the net needs {dimensions(shape)}: '
            f'pass your own data'
        )
    store: Store = _digits() if shape[0] == 1 else Crops(shape[1], shape[2], rng)
    return Samples(store, shape, rng, mean=mean, scale=scale)


def _digits() -> Arrays:
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return Arrays("scikit-learn's digits", pixels[:, None], digits.target)


class Crops:
    """Windows of height : width at random places of random photographs, in random sizes from a
    quarter of the largest that fits to all of it, resized to height x width. No labels."""

    def __init__(self, height: int, width: int, rng: np.random.Generator):
        from sklearn.datasets import load_sample_image

        self.photographs = [
            load_sample_image(name)[:, :, ::-1].transpose(2, 0, 1) for name in PHOTOGRAPHS
        ]
        self.size, self.seed = (height, width), int(rng.integers(2**32))
        self.describe = "random crops of scikit-learn's two photographs"

    def __len__(self) -> int:
        return CROPS

    def suit(self, shape: tuple[int, ...]) -> None:
        pass

    def name(self, index: int) -> str:
        return f'crop {index}'

    def __getitem__(self, index: int) -> tuple[np.ndarray, None]:
        """Crop `index` is a function of the seed and the index."""
        rng = np.random.default_rng((self.seed, index))
        photograph = self.photographs[rng.integers(len(self.photographs))]
        limit = np.array(photograph.shape[1:])
        window = np.array(self.size) * min(limit / self.size) * rng.uniform(0.25, 1)
        height, width = np.clip(np.rint(window).astype(int), 1, limit)
        top, left = rng.integers(limit - (height, width) + 1)
        return resize(photograph[:, top : top + height, left : left + width], *self.size), None
