"""Regions of photographs that may hold objects: by selective search, or from a file.

regions = SelectiveSearch('fast', cache='regions/')
regions = open_regions('voc_2007_trainval.mat')
boxes = regions(photograph)                         # (R, 4)
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..netlib.checked_npy import ArrayFileError, Npz, is_numeric, read_npy
from ..netlib.data.images import resize
from ..netlib.errors import DataError, GoodinitError, import_extra
from ..proto import atomic_write, existing_file
from .devkit import Photograph

MODES = ('fast', 'quality')
WIDEST = 500  # pixels; wider images are searched at this width, as R-CNN does


class Regions(Protocol):
    """Gives the regions of a photograph: (R, 4), in its pixels. Raises DataError."""

    def __call__(self, photograph: Photograph) -> np.ndarray: ...


def open_regions(where: str) -> Regions:
    """The regions of a .mat or .npz file; of a folder, those that selective search left there, or
    finds and leaves there now. Raises GoodinitError."""
    suffix = Path(where).suffix
    if suffix == '.mat':
        return KnownRegions(where, read_mat(where))
    if suffix == '.npz':
        return KnownRegions(where, open_npz(where))
    if Path(where).is_file():
        raise DataError(f'regions {where}: found a file, needed: .mat, .npz, or a folder')
    return SelectiveSearch(cache=where)


# -- selective search


class SelectiveSearch:
    """Regions by selective search, as OpenCV does it; each found once and kept in the folder
    `cache`, if there is one, as NAME.npy in a folder of the mode.

    mode: 'fast' finds about 2,000 regions in a photograph of VOC, 'quality' 10,000. Source:
    Uijlings et al. 2013.
    """

    def __init__(self, mode: str = 'fast', cache: str | Path | None = None):
        if mode not in MODES:
            raise DataError(f"mode: found '{mode}', needed: {' or '.join(MODES)}")
        self.mode = mode
        self.folder = None if cache is None else Path(cache) / mode

    def __call__(self, photograph: Photograph) -> np.ndarray:
        if self.folder is None:
            return search(photograph.pixels(), self.mode)
        path = self.folder / f'{photograph.name}.npy'
        if path.exists():
            return checked(self._read(path), photograph, str(path))
        found = search(photograph.pixels(), self.mode)
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            np.save(file, found)
        return found

    @staticmethod
    def _read(path: Path) -> np.ndarray:
        try:
            return read_npy(path)
        except ArrayFileError as error:
            raise DataError(f'{path}: {error}: remove it to search again') from error


def search(pixels: np.ndarray, mode: str = 'fast') -> np.ndarray:
    """The regions int32 (R, 4) of an image uint8 (3, H, W), sorted: OpenCV ranks them at random.
    Raises GoodinitError if OpenCV's extra modules are missing."""
    searching = opencv_search()
    _, height, width = pixels.shape
    factor = max(width / WIDEST, 1)
    small = resize(pixels, max(round(height / factor), 1), round(width / factor))
    searching.setBaseImage(np.ascontiguousarray(small.transpose(1, 2, 0)))
    if mode == 'fast':
        searching.switchToSelectiveSearchFast()
    else:
        searching.switchToSelectiveSearchQuality()
    x, y, wide, high = searching.process().T * factor
    ends = np.stack([x, y, x + wide - 1, y + high - 1], axis=1)
    limits = [width - 1, height - 1] * 2
    found = np.clip(np.rint(ends), 0, limits).astype(np.int32)
    return np.unique(found, axis=0)


def opencv_search() -> Any:
    """OpenCV's selective search. Raises GoodinitError."""
    modules = import_extra('cv2.ximgproc', 'regions')
    if not hasattr(modules, 'segmentation'):
        raise GoodinitError(
            'OpenCV has lost its extra modules, since another of its packages was installed over '
            'them: pip install --force-reinstall opencv-contrib-python-headless'
        )
    return modules.segmentation.createSelectiveSearchSegmentation()


# -- files


class KnownRegions:
    """Regions from a file, by the names of the photographs."""

    def __init__(self, where: str, boxes: Mapping[str, np.ndarray]):
        self.where = where
        self.boxes = boxes

    def __call__(self, photograph: Photograph) -> np.ndarray:
        name = photograph.name
        if name not in self.boxes:
            raise DataError(
                f"regions {self.where}: has no '{name}' among its {len(self.boxes)} photographs"
            )
        try:
            found = self.boxes[name]
        except ArrayFileError as error:
            raise DataError(f'regions {self.where}: {error}') from error
        return checked(found, photograph, f"regions {self.where}: '{name}'")


def open_npz(path: str) -> Npz:
    """The arrays of an .npz file: for each name (R, 4), x1 y1 x2 y2 from 0. Raises DataError."""
    try:
        return Npz(path)
    except ArrayFileError as error:
        raise DataError(f'regions {path}: cannot be read ({error})') from error


def read_mat(path: str) -> dict[str, np.ndarray]:
    """The boxes of a .mat file as Fast R-CNN's author published them: cells `images` of names and
    `boxes` of (R, 4), y1 x1 y2 x2 from 1. Raises GoodinitError."""
    content = load_mat(path)
    missing = [name for name in ('images', 'boxes') if name not in content]
    if missing:
        raise DataError(f"regions {path}: has no '{missing[0]}'; needed: images and boxes")
    names = content['images'].ravel()
    cells = content['boxes'].ravel()
    if len(names) != len(cells):
        raise DataError(
            f'regions {path}: found {len(names)} images and {len(cells)} boxes, needed: as many'
        )
    found = {}
    for name, cell in zip(names, cells, strict=True):
        found[text_of(name)] = from_one(cell)
    return found


def load_mat(path: str) -> dict[str, Any]:
    """The variables of a .mat file up to version 7."""
    from scipy.io import loadmat

    try:
        return loadmat(existing_file(path))
    except NotImplementedError as error:  # HDF5
        raise DataError(
            f"regions {path}: is of version 7.3; save it in MATLAB with '-v7'"
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f'regions {path}: cannot be read ({error})') from error


def text_of(cell: Any) -> str:
    """The text in a cell, however deep."""
    return str(np.asarray(cell).item())


def from_one(cell: Any) -> np.ndarray:
    """MATLAB's y1 x1 y2 x2 from 1 as x1 y1 x2 y2 from 0; other shapes are left for `checked`."""
    boxes = np.asarray(cell)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not is_numeric(boxes):
        return boxes
    return boxes[:, [1, 0, 3, 2]].astype(np.float32) - 1


def checked(boxes: np.ndarray, photograph: Photograph, where: str) -> np.ndarray:
    """The boxes as float32, each inside its photograph. Raises DataError."""
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not is_numeric(boxes):
        raise DataError(f'{where}: found {boxes.dtype} {boxes.shape}, needed: numbers (R, 4)')
    found = boxes.astype(np.float32)
    limits = np.array([photograph.width, photograph.height] * 2)
    inside = (found >= 0).all(1) & (found < limits).all(1)
    forward = (found[:, :2] <= found[:, 2:]).all(1)
    wrong = np.flatnonzero(~(inside & forward))
    if len(wrong):
        raise DataError(
            f'{where}: region {wrong[0]} is {found[wrong[0]].tolist()}, needed: x1 y1 x2 y2 in an '
            f'image of {photograph.width} x {photograph.height} pixels'
        )
    return found
