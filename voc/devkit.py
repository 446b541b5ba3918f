"""PASCAL VOC's devkit, in the layout of 2007 to 2012.

    VOCdevkit/VOC2007/ImageSets/Main/trainval.txt    a name per line
                      JPEGImages/000005.jpg
                      Annotations/000005.xml         size, classes and boxes

Source: M. Everingham et al., The PASCAL Visual Object Classes (VOC) Challenge, IJCV 2010.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..netlib.data.images import ImageError, decode_image
from ..netlib.errors import DataError
from .annotation import Box, read_annotation
from .classes import CLASSES

__all__ = ['CLASSES', 'SPLITS', 'YEARS', 'Box', 'Devkit', 'Photograph', 'open_devkit']

SPLITS = ('train', 'val', 'trainval', 'test')
YEARS = tuple(range(2007, 2013))
LISTS = Path('ImageSets', 'Main')
FETCH = 'host.robots.ox.ac.uk/pascal/VOC has the archives; unpack them into one folder'


class Photograph(NamedTuple):
    """An image with its objects."""

    name: str  # as in the list of its split
    path: Path
    width: int
    height: int
    boxes: tuple[Box, ...]

    def pixels(self) -> np.ndarray:
        """uint8 (3, height, width): blue, green, red. Raises DataError if the file is unreadable or
        has another size than its annotation says."""
        pixels = decode_image(self.path)
        _, height, width = pixels.shape
        if (width, height) != (self.width, self.height):
            raise ImageError(
                str(self.path),
                f'is {width} x {height}, its annotation says {self.width} x {self.height}',
            )
        return pixels


class Devkit:
    """The folder of one year, such as VOC2007."""

    def __init__(self, folder: Path):
        self.folder = folder

    def photographs(self, split: str) -> list[Photograph]:
        """The photographs of a split (one of SPLITS) in the order of its list, annotations read and
        checked. Raises DataError for the first thing that is missing or wrong."""
        return [self._photograph(name, where) for name, where in self._names(split)]

    def _names(self, split: str) -> list[tuple[str, str]]:
        """The names of a split, and the place of each in its list."""
        if split not in SPLITS:
            raise DataError(f"split: found '{split}', needed: one of {', '.join(SPLITS)}")
        path = self.folder / LISTS / f'{split}.txt'
        places: dict[str, str] = {}
        for number, line in enumerate(_lines(path), 1):
            name = line.strip()
            where = f'{path}:{number}'
            if name in places:
                raise DataError(f"{where}: '{name}' again, first in {places[name]}")
            if name:
                places[_plain(name, where)] = where
        if not places:
            raise DataError(f'{path}: is empty; needed: a name per line')
        return list(places.items())

    def _photograph(self, name: str, where: str) -> Photograph:
        path = self.folder / 'JPEGImages' / f'{name}.jpg'
        if not path.is_file():
            raise DataError(f'{path}: no such image; {where} names it')
        annotation = read_annotation(self.folder / 'Annotations' / f'{name}.xml')
        return Photograph(name, path, *annotation)


def open_devkit(folder: str | Path, year: int = 2007) -> Devkit:
    """The devkit of a year. `folder` is VOCdevkit, the folder that it is in, or VOC2007 itself.
    Raises DataError if there is none."""
    given = Path(folder)
    if not given.is_dir():
        raise DataError(f'{given}: no such folder; needed: a VOCdevkit ({FETCH})')
    if (given / LISTS).is_dir():
        return Devkit(given)
    for devkit in (given, given / 'VOCdevkit'):
        if (devkit / f'VOC{year}' / LISTS).is_dir():
            return Devkit(devkit / f'VOC{year}')
    raise DataError(f'{given}: has no VOC{year}/{LISTS.as_posix()}{_others(given)}')


def _others(given: Path) -> str:
    """What to do instead: another year that is there, or the download."""
    for devkit in (given, given / 'VOCdevkit'):
        years = [str(year) for year in YEARS if (devkit / f'VOC{year}' / LISTS).is_dir()]
        if years:
            return f'; it has the years {", ".join(years)}'
    return f' ({FETCH})'


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text('utf-8').splitlines()
    except FileNotFoundError as error:
        there = sorted({each.stem for each in path.parent.glob('*.txt')} & {*SPLITS})
        has = f'; the folder has {", ".join(there)}' if there else ''
        raise DataError(f'{path}: no such list{has}') from error
    except (OSError, ValueError) as error:
        raise DataError(f'{path}: cannot be read ({error})') from error


def _plain(name: str, where: str) -> str:
    """A name without folders or columns."""
    if len(name.split()) > 1 or '/' in name or '\\' in name:
        raise DataError(f"{where}: found '{name}', needed: the name of an image without .jpg")
    return name
