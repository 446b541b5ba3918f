"""The data sets of the papers: how to recognize their folders, and where to get them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import ExperimentError


@dataclass(frozen=True)
class DataSet:
    """A data set in a folder of the user's.

    folders    the names that its folder may have in the folder --data, which may also be it itself
    files      a glob for each file that must be there ('*' at the end: perhaps packed)
    source     what to fetch, and from where
    """

    name: str
    folders: Sequence[str]
    files: Sequence[str]
    source: str

    def find(self, data: Path) -> Path:
        """The folder of the data set: `data`, or one of its names in there. Raises
        ExperimentError."""
        places = [data, *(data / folder for folder in self.folders)]
        missing = {place: self._missing(place) for place in places}
        for place, names in missing.items():
            if not names:
                return place
        nearest = min(places, key=lambda place: len(missing[place]))
        started = len(missing[nearest]) < len(self.files)
        place = nearest if started else data / self.folders[0]
        raise ExperimentError(
            f'{self.name}: found no {missing[place][0]} in {place}; fetch {self.source}, and put '
            f'it there (--data names the folder above)'
        )

    def _missing(self, folder: Path) -> list[str]:
        return [pattern for pattern in self.files if not any(folder.glob(pattern))]


def find_file(folder: Path, pattern: str) -> Path:
    """The first file of a folder, in alphabetical order, that a glob matches. Raises
    ExperimentError."""
    found = sorted(folder.glob(pattern))
    if not found:
        raise ExperimentError(f'{folder}: found no file {pattern}')
    return found[0]


CIFAR10 = DataSet(
    'CIFAR-10',
    ('cifar10', 'cifar-10-batches-bin'),
    (*(f'data_batch_{i}.bin*' for i in range(1, 6)), 'test_batch.bin*'),
    'cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html',
)
MNIST = DataSet(
    'MNIST',
    ('mnist',),
    (
        'train-images-idx3-ubyte*',
        'train-labels-idx1-ubyte*',
        't10k-images-idx3-ubyte*',
        't10k-labels-idx1-ubyte*',
    ),
    'the four files of MNIST, such as those of https://github.com/cvdfoundation/mnist',
)
ISBI2012 = DataSet(
    'ISBI 2012',
    ('isbi2012', 'membrane'),
    ('train/image/0.png', 'train/label/0.png'),
    'data/membrane of https://github.com/zhixuhao/unet',
)
ILSVRC12_SAMPLE = DataSet(
    'ImageNet photographs',
    ('imagenet_sample', 'imagenet-sample-images'),
    ('*.[jJ][pP]*[gG]',),
    'https://github.com/EliSchwartz/imagenet-sample-images, or any photographs',
)
