"""ImageNet (ILSVRC2012) as it is published, or with a folder for each class: which files of which
tar file, or which images, belong to which class.

    ILSVRC2012_img_train.tar            a tar file for each class: n01440764.tar, ...
    ILSVRC2012_img_val.tar              images alone; their classes are in one of
    ILSVRC2012_devkit_t12.tar.gz            the devkit,
    val.txt                                 or Caffe's list: a name and a label per line

    train/n01440764/*.JPEG              instead of the first two: an ImageFolder
    val/n01440764/*.JPEG

A label is the place of its class among all, in alphabetical order, as in Caffe.
"""

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..netlib.data.images import SUFFIXES
from ..netlib.data.list_files import read_pairs
from ..netlib.errors import DataError

TRAIN_TAR, VAL_TAR = 'ILSVRC2012_img_train.tar', 'ILSVRC2012_img_val.tar'
DEVKIT, LIST = 'ILSVRC2012_devkit_t12.tar.gz', 'val.txt'
TRUTH, META = 'ILSVRC2012_validation_ground_truth.txt', 'meta.mat'
CLASSES = 1000  # of ILSVRC: the devkit's further synsets are above these


class Picture(NamedTuple):
    """An image: a file, or the bytes of one in a tar file."""

    name: str  # n01440764/n01440764_18.JPEG
    label: int
    file: Path
    offset: int = 0
    size: int = -1  # all of it

    def content(self) -> bytes:
        """The encoded image. Raises DataError."""
        try:
            with self.file.open('rb') as file:
                file.seek(self.offset)
                return file.read(self.size)
        except OSError as error:
            raise DataError(f'{self.file}: cannot be read ({error.strerror})') from error


def find_training(folder: Path) -> tuple[list[Picture], list[str]]:
    """The training images, and the names of the classes in alphabetical order. Raises DataError."""
    if (folder / 'train').is_dir():
        named = list(_of_class_folders(folder / 'train'))
        where = folder / 'train'
    elif (folder / TRAIN_TAR).is_file():
        named = list(_of_class_tars(folder / TRAIN_TAR))
        where = folder / TRAIN_TAR
    else:
        raise DataError(
            f'{folder}: found neither {TRAIN_TAR} nor train/, a folder with one for each class; '
            'image-net.org has the tar files'
        )
    if not named:
        raise DataError(f'{where}: found no images of any class')
    classes = sorted({name.partition('/')[0] for name, *_ in named})
    return [_labelled(picture, classes, where) for picture in named], classes


def find_validation(folder: Path, classes: list[str]) -> list[Picture]:
    """The validation images of these classes. Raises DataError."""
    if (folder / 'val').is_dir():
        named = list(_of_class_folders(folder / 'val'))
        if not named:
            raise DataError(f'{folder / "val"}: found no images in folders of classes')
        return [_labelled(picture, classes, folder / 'val') for picture in named]
    tar = folder / VAL_TAR
    if not tar.is_file():
        raise DataError(
            f'{folder}: found neither {VAL_TAR} nor val/, a folder with one for each class'
        )
    labels = _labels(folder, classes)
    found = []
    for picture in _members(tar, 0, ''):
        if picture.name not in labels:
            raise DataError(f'{tar}: {picture.name} has no label in {LIST} or {DEVKIT}')
        found.append(picture._replace(label=labels[picture.name]))
    return found


def _labelled(picture: Picture, classes: list[str], where: Path) -> Picture:
    """With the label of the class that begins its name."""
    name = picture.name.partition('/')[0]
    if name not in classes:
        raise DataError(f'{where}: {name} is a class that the training images do not have')
    return picture._replace(label=classes.index(name))


def _of_class_folders(folder: Path) -> Iterator[Picture]:
    for path in sorted(folder.glob('*/*')):
        if path.suffix.lower() in SUFFIXES:
            yield Picture(f'{path.parent.name}/{path.name}', -1, path)


def _of_class_tars(path: Path) -> Iterator[Picture]:
    """The images in the tar files in a tar file."""
    with _opened(path) as outer:
        for member in outer:
            if member.name.endswith('.tar'):
                name = Path(member.name).stem
                yield from _members(path, member.offset_data, f'{name}/')


def _members(path: Path, start: int, prefix: str) -> Iterator[Picture]:
    """The images in a tar file that begins at this byte of a file."""
    with path.open('rb') as file:
        file.seek(start)
        with _opened(path, file) as tar:
            for member in tar:
                if member.isfile() and Path(member.name).suffix.lower() in SUFFIXES:
                    name = prefix + Path(member.name).name
                    yield Picture(name, -1, path, member.offset_data, member.size)


@contextmanager
def _opened(path: Path, file: io.BufferedReader | None = None) -> Iterator[tarfile.TarFile]:
    """A tar file, perhaps in an opened file, where it begins. Raises DataError if it is none."""
    try:
        with tarfile.open(path, 'r', file) as tar:
            yield tar
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f'{path}: cannot be read as a tar file ({error})') from error


# -- labels of validation images


def _labels(folder: Path, classes: list[str]) -> dict[str, int]:
    """By the names of images."""
    if (folder / LIST).is_file():
        return _labels_of_list(folder / LIST, classes)
    if (folder / DEVKIT).is_file():
        return _labels_of_devkit(folder / DEVKIT, classes)
    raise DataError(
        f'{folder}: the validation images have no labels; needed: {DEVKIT} or {LIST}, which is '
        'in caffe_ilsvrc12.tar.gz'
    )


def _labels_of_list(path: Path, classes: list[str]) -> dict[str, int]:
    labels = {}
    for name, label in read_pairs(path):
        if label is None or not 0 <= label < len(classes):
            raise DataError(
                f"{path}: '{name}' has the label {label}, needed: one from 0 to {len(classes) - 1}"
            )
        labels[name] = label
    return labels


def _labels_of_devkit(path: Path, classes: list[str]) -> dict[str, int]:
    """The devkit numbers classes from 1 in an order of its own, and images in the order of their
    names."""
    content = {}
    with _opened(path) as tar:
        for member in tar:
            name = Path(member.name).name
            if name in (TRUTH, META):
                content[name] = tar.extractfile(member).read()  # type: ignore[union-attr]
    missing = [name for name in (TRUTH, META) if name not in content]
    if missing:
        raise DataError(f'{path}: has no {missing[0]}; is it the devkit of ILSVRC2012?')
    names = _names_by_number(content[META], path)
    labels = {}
    for image, number in enumerate(content[TRUTH].split(), 1):
        name = names.get(int(number), str(int(number)))
        if name not in classes:
            raise DataError(f'{path}: class {name} is one that the training images do not have')
        labels[f'ILSVRC2012_val_{image:08}.JPEG'] = classes.index(name)
    return labels


def _names_by_number(meta: bytes, path: Path) -> dict[int, str]:
    """The devkit's number of each class -> n01440764, ..."""
    from scipy.io import loadmat

    try:
        synsets = loadmat(io.BytesIO(meta), squeeze_me=True)['synsets']
        numbers, names = synsets['ILSVRC2012_ID'], synsets['WNID']
    except (ValueError, KeyError, TypeError, IndexError, NotImplementedError) as error:
        raise DataError(f'{path}: {META} cannot be read ({error})') from error
    pairs = zip(np.ravel(numbers), np.ravel(names), strict=True)
    return {int(number): str(name) for number, name in pairs if number <= CLASSES}
